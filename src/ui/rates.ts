import type { Pulse } from '../run/journal/journal.ts';

/** How far something was at a moment of the real clock, in ms. */
interface Mark {
  at: number;
  done: number;
}

/** The newest marks of every step and part at work, by `step` or `step/part`. */
export type Rates = Readonly<Record<string, readonly Mark[]>>;

const KEPT_MS = 15_000;

/**
 * Notes how far the steps at work are. A rate is taken over the last quarter of a minute: long enough to be calm, short
 * enough to show that something slowed down.
 * @param at when they were so far, by the real clock, in ms; the same may be noted again
 */
export function noted(rates: Rates, pulses: Pulse[], at: number): Rates {
  const next: Record<string, Mark[]> = {};
  const note = (key: string, done: number) => {
    const before = (rates[key] ?? []).filter((mark) => mark.at < at && at - mark.at <= KEPT_MS && mark.done <= done);
    next[key] = [...before, { at, done }];
  };
  for (const pulse of pulses) {
    note(pulse.step, pulse.done);
    for (const part of pulse.parts ?? []) {
      if (part.state === 'working') note(`${pulse.step}/${part.name}`, part.done);
    }
  }
  return next;
}

/** What is done in a second, as of late; undefined while too little is known. */
export function rateOf(rates: Rates, key: string): number | undefined {
  const marks = rates[key] ?? [];
  const [first, last] = [marks[0], marks.at(-1)];
  if (!first || !last || last.at - first.at < 1_000) return undefined;
  return ((last.done - first.done) * 1_000) / (last.at - first.at);
}
