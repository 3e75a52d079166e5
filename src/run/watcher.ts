import type { WatchState } from './state.ts';

/** A probe of the application that goes on beside the steps, from the opening of the window to the end. */
export interface Watcher {
  /** The watch of the runbook this is. */
  id: string;
  /**
   * Begins to ask.
   * @param before what was counted before this conductor; counts and downtime go on from there, while the percentiles are
   *   of what this one has seen itself
   * @param onSample the totals so far, every so often and once more at the end
   */
  start(before: WatchState | undefined, onSample: (totals: WatchState) => void): { stop(): Promise<void> };
}
