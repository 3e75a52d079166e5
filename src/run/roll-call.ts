import type { Journal } from './journal/journal.ts';
import type { Scribe } from './scribe.ts';

/** With more terminals than this on a run the work is not to wait for them. */
const FEW = 8;

/** Whether so many terminals are a crowd. */
export const isCrowd = (terminals: number): boolean => terminals > FEW;

/** How often a terminal says that it is there still, at least, in ms: one of few, and one of a crowd, which sleeps in between. */
const OFTEN = 4_000;
const RARELY = 60_000;

/** How long each of so many terminals may let pass before it says again that it is there, in ms. */
export const presentEvery = (terminals: number): number => (isCrowd(terminals) ? RARELY : OFTEN);

/** A terminal that has missed so many times to say it, by the conductor's monotonic clock, has gone: it was killed, cut off or frozen. */
const MISSES = 3;

/** Notices terminals that went without a word. What counts is whether they say anything, not when: no two clocks are compared. */
export class RollCall {
  readonly #scribe: Pick<Scribe, 'state' | 'log'>;
  readonly #journal: Pick<Journal, 'presences'>;
  /** `silence`: for how long it may say nothing, in ms. Where there was a crowd it may not know yet that it has gone. */
  readonly #heard = new Map<string, { said: number; at: number; silence: number }>();
  #called = Number.NEGATIVE_INFINITY;
  /** How long a silence the round before allowed, in ms. */
  #asked = 0;

  constructor(scribe: Pick<Scribe, 'state' | 'log'>, journal: Pick<Journal, 'presences'>) {
    this.#scribe = scribe;
    this.#journal = journal;
  }

  /**
   * Puts on record that terminals have gone which have been silent for too long. May be called as often as one likes.
   * @throws what keeps the journal from being read or written
   */
  async round(now = performance.now()): Promise<void> {
    if (now - this.#called < OFTEN || this.#scribe.state.outcome !== null) return;
    this.#called = now;
    const presences = await this.#journal.presences();
    const terminals = Object.entries(this.#scribe.state.terminals);
    const asked = MISSES * presentEvery(terminals.length);
    const silence = Math.max(asked, this.#asked);
    this.#asked = asked;
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
