import type { Journal } from './journal/journal.ts';
import type { Scribe } from './scribe.ts';

/** How often a terminal says that it is there still, in ms. */
export const PRESENT_EVERY = 4_000;
/** A terminal that has said nothing for so long, by the conductor's monotonic clock, has gone: it was killed, cut off or frozen. In ms. */
const SILENCE = 3 * PRESENT_EVERY;

/** Notices terminals that went without a word. What counts is whether they say anything, not when: no two clocks are compared. */
export class RollCall {
  readonly #scribe: Pick<Scribe, 'state' | 'log'>;
  readonly #journal: Pick<Journal, 'presences'>;
  readonly #heard = new Map<string, { said: number; at: number }>();
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
    const silent = Object.entries(this.#scribe.state.terminals).filter(([terminal]) => {
      const said = presences[terminal] ?? 0;
      const heard = this.#heard.get(terminal);
      if (heard?.said === said) return now - heard.at > SILENCE;
      this.#heard.set(terminal, { said, at: now });
      return false;
    });
    if (silent.length === 0) return;
    for (const [terminal] of silent) this.#heard.delete(terminal);
    await this.#scribe.log(silent.map(([terminal, by]) => ({ type: 'terminal-left', terminal, by, silent: true })));
  }
}
