import { setTimeout as delay } from 'node:timers/promises';

/**
 * What time it is in the window, in ms since the epoch. In a rehearsal, waiting moves it on instead of taking time; work
 * takes as long as it takes on either.
 */
export interface PlanClock {
  now(): number;
  /** Resolves at that moment, or rejects with the signal's reason. */
  until(moment: number, signal: AbortSignal): Promise<void>;
}

/** Waits as long as it takes. */
export const wallClock: PlanClock = {
  now: () => Date.now(),
  async until(moment, signal) {
    // A little at a time, so that a clock that is set, and a machine that slept, are noticed.
    for (let left = moment - Date.now(); left > 0; left = moment - Date.now()) {
      await delay(Math.min(left, 1_000), undefined, { signal });
    }
  },
};

/**
 * Waits by moving on. `onJump` is told of each jump before it counts, so that it can be put on record.
 * @param aheadMs how far this clock is ahead of the real one to begin with
 */
export function jumpingClock(aheadMs: number, onJump: (byMs: number) => Promise<void>): PlanClock {
  let ahead = aheadMs;
  const now = () => Date.now() + ahead;
  return {
    now,
    async until(moment, signal) {
      signal.throwIfAborted();
      const byMs = Math.ceil(moment - now());
      if (byMs <= 0) return;
      await onJump(byMs);
      ahead += byMs;
    },
  };
}
