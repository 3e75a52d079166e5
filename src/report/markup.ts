const LONGEST = 400;

/** Controls, and marks that turn or hide writing, as visible code points; white space as spaces. */
function visible(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Cf}]/gu, (mark) => `<U+${mark.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}>`);
}

/**
 * Text from outside as one line of Markdown that means nothing but itself: no markup, no HTML, no table cell, no list.
 * Every ASCII punctuation mark may be escaped with a backslash.
 * @see https://spec.commonmark.org/0.31.2/#backslash-escapes
 */
export function inline(text: string): string {
  const line = visible(text).trim();
  const short = line.length <= LONGEST ? line : `${line.slice(0, LONGEST - 1)}…`;
  return short
    .replace(/[\\`*~[\]<>|&!#$]/g, '\\$&')
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\_')
    .replace(/^([-+=:]|\d+(?=[.)]))/, (start) => (/\d/.test(start) ? `${start}\\` : `\\${start}`));
}

/** Text of several lines, as it stands, in a fence that nothing within it can close. */
export function block(text: string): string {
  const lines = text
    .replace(/\r\n?/g, '\n')
    .replace(/\n+$/, '')
    .split('\n')
    .map((line) => visible(line).trimEnd());
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return [`${fence}text`, ...lines, fence].join('\n');
}

/** A table. Cells are Markdown already; columns named in `right` hold numbers or durations. */
export function table(columns: readonly string[], rows: readonly string[][], right: readonly string[] = []): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = line(columns.map((column) => (right.includes(column) ? '---:' : '---')));
  return [line(columns), rule, ...rows.map(line)].join('\n');
}

/** A heading with what belongs to it; nothing at all when there is nothing. */
export function section(level: number, title: string, ...parts: (string | undefined)[]): string | undefined {
  const body = parts.filter((part) => part !== undefined && part !== '');
  return body.length === 0 ? undefined : [`${'#'.repeat(level)} ${title}`, ...body].join('\n\n');
}

/** `2025-11-10 02:41:07`, in UTC, of ms since the epoch; a dash when it has not happened. */
export function moment(ms: number | null): string {
  return ms === null ? '–' : new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}
