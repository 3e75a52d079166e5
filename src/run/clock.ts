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
    // setTimeout counts in 32 bits: a 48-hour wait fits, a month's would fire at once. An hour at a time is safe, and
    // notices a machine that slept.
    for (let left = moment - Date.now(); left > 0; left = moment - Date.now()) {
      await delay(Math.min(left, 3_600_000), undefined, { signal });
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
