import type { Journal } from './journal/journal.ts';
import type { Scribe } from './scribe.ts';

/** How often a terminal says that it is there still, in ms; in a crowd so much the more rarely that all together do so four times a second. */
const PRESENT_EVERY = 4_000;
const PRESENT_AT_LEAST_EVERY = 12_000;

/** How often each of so many terminals says that it is there still, in ms. */
export function presentEvery(terminals: number): number {
  return Math.min(PRESENT_AT_LEAST_EVERY, Math.max(PRESENT_EVERY, terminals * 250));
}

/** A terminal that has missed so many times to say it, by the conductor's monotonic clock, has gone: it was killed, cut off or frozen. */
const MISSES = 3;

/** Notices terminals that went without a word. What counts is whether they say anything, not when: no two clocks are compared. */
export class RollCall {
  readonly #scribe: Pick<Scribe, 'state' | 'log'>;
  readonly #journal: Pick<Journal, 'presences'>;
  /** `silence` is what was asked of it at most since it spoke, in ms: it may not know yet that the crowd has gone. */
  readonly #heard = new Map<string, { said: number; at: number; silence: number }>();
  #called = Number.NEGATIVE_INFINITY;

  constructor(scribe: Pick<Scribe, 'state' | 'log'>, journal: Pick<Journal, 'presences'>) {
    this.#scribe = scribe;
    this.#journal = journal;
  }

  /**
   * Puts on record that terminals have gone which have been silent for too long. May be called as often as one likes.
   * @throws what keeps the journal from being read or written
   */
  async round(now = performance.now()): Promise<void> {
    if (now - this.#called < PRESENT_EVERY || this.#scribe.state.outcome !== null) return;
    this.#called = now;
    const presences = await this.#journal.presences();
    const terminals = Object.entries(this.#scribe.state.terminals);
    const silence = MISSES * presentEvery(terminals.length);
    const silent = terminals.filter(([terminal]) => {
      const said = presences[terminal] ?? 0;
      const before = this.#heard.get(terminal);
      const heard =
        before?.said === said ? { ...before, silence: Math.max(before.silence, silence) } : { said, at: now, silence };
      this.#heard.set(terminal, heard);
      return now - heard.at > heard.silence;
    });
    if (silent.length === 0) return;
    for (const [terminal] of silent) this.#heard.delete(terminal);
    await this.#scribe.log(silent.map(([terminal, by]) => ({ type: 'terminal-left', terminal, by, silent: true })));
  }
}
