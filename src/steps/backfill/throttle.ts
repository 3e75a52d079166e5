/** A sign that a live system has enough to bear already. */
export interface Strain {
  /** What it is a sign of, the same as long as it lasts. */
  name: string;
  /** The same with its measure: `application p99 2.1× baseline`. */
  says: string;
  /** The share of the work, above 0, that may go on beside it for as long as it lasts. */
  leaves: number;
}

/** What is gained back in a round without strain. */
const STEP_UP = 1 / 16;
/**
 * A backfill is never wholly stopped by a signal: one that is wrong would decide about the window. To stop is the
 * operator's to say.
 */
export const LEAST = 1 / 16;

/**
 * The share of its work that a backfill does in the next round: halved for as long as there is strain, grown back a little
 * at a time when there is none. Slow to trust and quick to yield, as TCP is with a network (RFC 5681). The signals are
 * those that GitLab's batched migrations stop for and gh-ost throttles on, both of which wait until all is well.
 * @param share of the last round, above 0 and at most 1
 */
export function nextShare(share: number, strains: readonly Strain[]): number {
  const bearable = Math.min(1, ...strains.map(({ leaves }) => leaves));
  return share > bearable ? Math.max(bearable, share / 2) : Math.min(bearable, share + STEP_UP);
}

/** Why a backfill is slower than it is meant to be, in words; empty when it is not. */
export function slowness(share: number, strains: readonly Strain[]): string {
  if (share >= 1) return '';
  const percent = `${Math.round(100 * share)}%`;
  if (strains.length === 0) return `at ${percent}, and back up`;
  return `slowed to ${percent}: ${strains.map(({ says }) => says).join(', ')}`;
}
