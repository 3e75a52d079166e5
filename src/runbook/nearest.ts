/**
 * Edits between two words: insert, delete or replace a character, swap two neighbours. Levenshtein's distance with Damerau's
 * swaps (optimal string alignment), row by row.
 */
function distance(a: string, b: string): number {
  let above: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let line = 1; line <= a.length; line++) {
    const next = [line];
    for (let column = 1; column <= b.length; column++) {
      const same = b[column - 1] === a[line - 1] ? 0 : 1;
      const edits = [(row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1, (row[column - 1] ?? 0) + same];
      const swapped = line > 1 && column > 1 && a[line - 1] === b[column - 2] && a[line - 2] === b[column - 1];
      next.push(Math.min(...edits, ...(swapped ? [(above[column - 2] ?? 0) + 1] : [])));
    }
    [above, row] = [row, next];
  }
  return row[b.length] ?? 0;
}

/** `; did you mean 'x'?` with the known word nearest to the given one, or nothing when none is near. */
export function didYouMean(word: string, known: Iterable<string>): string {
  let best: string | undefined;
  // A third of the word may differ; more than that is another word.
  let least = Math.ceil(word.length / 3) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) >= least) continue;
    const edits = distance(word.toLowerCase(), candidate.toLowerCase());
    if (edits < least) [best, least] = [candidate, edits];
  }
  return best === undefined ? '' : `; did you mean '${best}'?`;
}
