import { setTimeout as delay } from 'node:timers/promises';

/** Where more terminals than this are on a run, those that nobody sits at look and draw the more rarely: the work is not to wait for them. */
const FEW = 8;
/** After so long without a key, in ms, nobody is taken to sit at a terminal. */
const ATTENDED = 60_000;

/** How often one terminal among others looks for progress and draws: as if it were alone while somebody presses keys at it. */
export class Attention {
  readonly #terminals: () => number;
  /** Who has only just come is shown all of it once, and may be one of fifty. */
  #touchedAt = Number.NEGATIVE_INFINITY;
  #woken = new AbortController();

  /** @param terminals how many are on the run */
  constructor(terminals: () => number) {
    this.#terminals = terminals;
  }

  /** A key was pressed: whoever rests is woken. */
  touched(): void {
    const away = this.crowded;
    this.#touchedAt = performance.now();
    if (!away) return;
    this.#woken.abort();
    this.#woken = new AbortController();
  }

  /** Whether this is one terminal of many, with nobody at its keys. */
  get crowded(): boolean {
    return this.#terminals() > FEW && performance.now() - this.#touchedAt > ATTENDED;
  }

  /** Aborted by the key that makes a long rest too long. */
  get woken(): AbortSignal {
    return this.#woken.signal;
  }

  /**
   * How long until the next look or frame, in ms. The long rests of one process end together, for to wake it costs more than
   * what it then does.
   * @param alone how long it is without a crowd, in ms
   * @param most how long at most, in ms
   */
  rest(alone: number, most: number): number {
    if (!this.crowded) return alone;
    // So much the more rarely that the more there are the less they take in all.
    const long = Math.min(most, alone * (this.#terminals() / FEW) ** 2);
    return long - (performance.now() % long);
  }

  /** Waits so long, or until a key is pressed or the signal is aborted. Never fails. */
  async resting(alone: number, most: number, signal: AbortSignal): Promise<void> {
    const ends = AbortSignal.any([signal, this.woken]);
    await delay(this.rest(alone, most), undefined, { signal: ends }).catch(() => undefined);
  }
}
