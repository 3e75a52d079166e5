/** How psql fills a variable in: `:'name'` as a literal, `:"name"` as an identifier, `:name` as it stands. */
export type VariableForm = 'literal' | 'identifier' | 'raw';

/** A piece of SQL as psql sees it. Offsets are UTF-16, `end` exclusive. */
export type SqlToken = { start: number; end: number } & (
  | { kind: 'blank' | 'backslash' | 'other' }
  | { kind: 'variable'; form: VariableForm; name: string }
);

const LETTER = String.raw`A-Za-z_\u0080-\uffff`;

// An unfinished string or comment runs to the end, as in psql: the real parser reports it, with its position.
const TOKEN = new RegExp(
  [
    String.raw`(?<blank>\s+|--[^\r\n]*)`,
    String.raw`(?<comment>/\*)`,
    String.raw`[eE]'(?:[^'\\]|''|\\[^])*(?:'|$)`,
    `'[^']*(?:'|$)`,
    `"[^"]*(?:"|$)`,
    String.raw`(?<tag>\$(?:[${LETTER}][${LETTER}0-9]*)?\$)[^]*?(?:\k<tag>|$)`,
    `::|:=`,
    `:'(?<literal>[${LETTER}0-9]+)'`,
    `:"(?<identifier>[${LETTER}0-9]+)"`,
    `:(?<raw>[${LETTER}][${LETTER}0-9]*)`,
    String.raw`\$[0-9]+`,
    `[${LETTER}][${LETTER}0-9$]*|[0-9][${LETTER}0-9]*`,
    String.raw`(?<backslash>\\)`,
    '[^]',
  ].join('|'),
  'y',
);

/** Where the comment that opens at `start` ends; comments nest in PostgreSQL. */
function commentEnd(sql: string, start: number): number {
  let depth = 0;
  for (const mark of sql.slice(start).matchAll(/\/\*|\*\//g)) {
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return start + mark.index + 2;
  }
  return sql.length;
}

/**
 * Cuts SQL the way psql's own scanner does, which knows variables and never fails; the server's scanner knows none and
 * joins `:'a''b'` into one string. Whether it is SQL at all is for the real parser to say.
 */
export function* tokens(sql: string): Generator<SqlToken> {
  let start = 0;
  while (start < sql.length) {
    TOKEN.lastIndex = start;
    const match = TOKEN.exec(sql);
    const groups = match?.groups ?? {};
    let end = start + (match?.[0].length ?? 1);
    if (groups.comment !== undefined) end = commentEnd(sql, start);
    const form = (['literal', 'identifier', 'raw'] as const).find((each) => groups[each] !== undefined);
    if (form !== undefined) yield { kind: 'variable', form, name: groups[form] ?? '', start, end };
    else if (groups.blank !== undefined || groups.comment !== undefined) yield { kind: 'blank', start, end };
    else yield { kind: groups.backslash === undefined ? 'other' : 'backslash', start, end };
    start = end;
  }
}
