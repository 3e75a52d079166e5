import type { Within } from '../runbook/step-parts.ts';

/** The value below which the given share (0–1) of the values lies, nearest rank; NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Milliseconds to the hundredth: finer than any clock here means anything. */
export const roundMs = (ms: number): number => Math.round(ms * 100) / 100;

/** The most a duration may be, in ms, given what it was before. Small durations are noise: `or_ms` is always allowed. */
export function allowedMs(beforeMs: number, within: Within): number {
  return Math.max(beforeMs * within.times, within.or_ms);
}
