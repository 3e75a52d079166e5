/** A line of one text or of both: kept, only in the old one, only in the new one. */
type Edit = { sign: ' ' | '-' | '+'; line: string };

/** Lines shown around each change. */
const CONTEXT = 3;
/** More changes than this between two texts are shown as one: nobody reads them line by line. */
const MOST_CHANGES = 1_000;

/**
 * The fewest edits from one list of lines to another.
 * @see Myers, An O(ND) Difference Algorithm and Its Variations (1986), the greedy algorithm
 */
function edits(before: readonly string[], after: readonly string[]): Edit[] {
  const trail: Map<number, number>[] = [];
  let reach = new Map([[1, 0]]);
  for (let changes = 0; ; changes++) {
    if (changes > MOST_CHANGES) {
      return [
        ...before.map((line): Edit => ({ sign: '-', line })),
        ...after.map((line): Edit => ({ sign: '+', line })),
      ];
    }
    const next = new Map<number, number>();
    trail.push(next);
    for (let diagonal = -changes; diagonal <= changes; diagonal += 2) {
      const [left = -1, above = -1] = [reach.get(diagonal - 1), reach.get(diagonal + 1)];
      let x = diagonal === -changes || (diagonal !== changes && left < above) ? above : left + 1;
      while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) x += 1;
      next.set(diagonal, x);
      if (x >= before.length && x - diagonal >= after.length) return walkedBack(before, after, trail);
    }
    reach = next;
  }
}

function walkedBack(before: readonly string[], after: readonly string[], trail: Map<number, number>[]): Edit[] {
  const found: Edit[] = [];
  let [x, y] = [before.length, after.length];
  for (let changes = trail.length - 1; changes >= 0; changes--) {
    const reach = trail[changes - 1] ?? new Map([[1, 0]]);
    const diagonal = x - y;
    const [left = -1, above = -1] = [reach.get(diagonal - 1), reach.get(diagonal + 1)];
    const down = diagonal === -changes || (diagonal !== changes && left < above);
    const fromX = down ? above : left;
    const fromY = fromX - (down ? diagonal + 1 : diagonal - 1);
    while (x > Math.max(fromX, 0) && y > Math.max(fromY, 0) && x - 1 >= (down ? fromX : fromX + 1)) {
      x -= 1;
      y -= 1;
      found.push({ sign: ' ', line: before[x] ?? '' });
    }
    if (changes === 0) break;
    found.push(down ? { sign: '+', line: after[fromY] ?? '' } : { sign: '-', line: before[fromX] ?? '' });
    [x, y] = [fromX, fromY];
  }
  return found.reverse();
}

const NO_END = '\\ No newline at end of file';

/** Lines with the end of the last one told, as `diff` does. */
function linesOf(text: string): string[] {
  if (text === '') return [];
  const lines = text.split('\n');
  if (lines.at(-1) === '') return lines.slice(0, -1);
  return [...lines.slice(0, -1), `${lines.at(-1)}\n${NO_END}`];
}

/** What changed from one text to another, in the unified format of `diff -u`; empty when nothing did. */
export function unifiedDiff(before: string, after: string, names: { before: string; after: string }): string {
  if (before === after) return '';
  const all = edits(linesOf(before), linesOf(after));
  const shown = all.map((_, i) =>
    all.slice(Math.max(0, i - CONTEXT), i + CONTEXT + 1).some(({ sign }) => sign !== ' '),
  );
  const hunks: string[] = [];
  let [oldLine, newLine] = [1, 1];
  for (let at = 0; at < all.length; ) {
    const end = shown[at] ? all.findIndex((_, i) => i > at && !shown[i]) : at + 1;
    const part = all.slice(at, end < 0 ? undefined : end);
    const olds = part.filter(({ sign }) => sign !== '+').length;
    const news = part.filter(({ sign }) => sign !== '-').length;
    if (shown[at]) {
      const place = (line: number, count: number) =>
        `${count === 0 ? line - 1 : line}${count === 1 ? '' : `,${count}`}`;
      hunks.push(`@@ -${place(oldLine, olds)} +${place(newLine, news)} @@`);
      hunks.push(...part.map(({ sign, line }) => `${sign}${line}`));
    }
    oldLine += olds;
    newLine += news;
    at += part.length;
  }
  return `--- ${names.before}\n+++ ${names.after}\n${hunks.join('\n')}\n`;
}
