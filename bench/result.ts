/** One row of the table. `against`, `ratio` and the rest are null where there is nothing to compare with, or to reach. */
export interface Row {
  name: string;
  ours: number;
  against: number | null;
  unit: string;
  /** How many times better than what it is compared with; for a limit, how many times that is exceeded. */
  ratio: number | null;
  target: string;
  met: boolean | null;
}

/** @throws RangeError of nothing */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The smallest value that this share of the values does not exceed. @throws RangeError of nothing */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new RangeError('There is no quantile of nothing.');
  return value;
}

/** How long it took, in ms. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** The table for a person. */
export function printed(rows: readonly Row[]): string {
  const cell = (value: number | null) => (value === null ? '–' : value.toFixed(value < 10 ? 2 : 0));
  const lines = rows.map((row) => [
    row.name,
    `${cell(row.ours)} ${row.unit}`,
    row.against === null ? '–' : `${cell(row.against)} ${row.unit}`,
    cell(row.ratio),
    row.target,
    row.met === null ? '' : row.met ? 'met' : 'NOT MET',
  ]);
  const all = [['what', 'ours', 'against', 'ratio', 'to reach', ''], ...lines];
  const widths = all[0]?.map((_, i) => Math.max(...all.map((line) => line[i]?.length ?? 0))) ?? [];
  return all
    .map((line) =>
      line
        .map((text, i) => text.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
