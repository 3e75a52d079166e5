import { setTimeout as delay } from 'node:timers/promises';
import { isCrowd, presentEvery } from '../run/roll-call.ts';

/** After so long without a key, in ms, nobody is taken to sit at a terminal. */
const ATTENDED = 600_000;

/**
 * So many frames a minute are drawn of progress and clock by all that doze together, about: one costs some 50 ms of processor in a
 * process that has slept.
 */
const FRAMES = 20;

/** How often one of a crowd of so many looks for progress and draws it, in ms: some of the times at which it wakes anyway. */
export const drawnEvery = (terminals: number): number => Math.ceil(terminals / FRAMES) * presentEvery(terminals);

/** A timer may end a moment early, in ms: that is not to make it a look more. */
const EARLY = 5;

/** How often one terminal among others looks for progress and draws: in a crowd it dozes, unless somebody presses keys at it. */
export class Attention {
  readonly #terminals: () => number;
  /** Who has only just come is shown all of it once, and may be one of fifty. */
  #touchedAt = Number.NEGATIVE_INFINITY;
  /** Whether some rest is a long one. */
  #dozes = false;
  #woken = new AbortController();
  /** In ms: terminals that came at the same moment are not to wake together ever after. */
  readonly #phase = Math.random() * 3_600_000;

  /** @param terminals how many are on the run */
  constructor(terminals: () => number) {
    this.#terminals = terminals;
  }

  /** A key was pressed. */
  touched(): void {
    this.#touchedAt = performance.now();
    this.counted();
  }

  /** There may be more terminals, or fewer: one that is not in a crowd any more does not rest on. */
  counted(): void {
    if (!this.#dozes || this.crowded) return;
    this.#dozes = false;
    this.#woken.abort();
    this.#woken = new AbortController();
  }

  /** Whether this is one terminal of many, with nobody at its keys. */
  get crowded(): boolean {
    return isCrowd(this.#terminals()) && performance.now() - this.#touchedAt > ATTENDED;
  }

  /** Aborted when a long rest has become too long. */
  get woken(): AbortSignal {
    return this.#woken.signal;
  }

  /**
   * Begins a rest, and tells how long it is until the next look, in ms. In a crowd rests end at multiples of their length by
   * the clock of this process, several of them together: to wake a process costs more than what it then does.
   * @param alone how long it is without a crowd, in ms
   * @param dozing how long at most in one, in ms; unless told, until the terminal has to say that it is there
   */
  rest(alone: number, dozing = presentEvery(this.#terminals())): number {
    return this.#until(performance.now(), alone, dozing);
  }

  /**
   * Likewise until progress is looked for and shown, in ms.
   * @param since when it was last, by the monotonic clock
   */
  untilProgress(since: number, alone: number): number {
    return this.#until(since + EARLY, alone, drawnEvery(this.#terminals()));
  }

  #until(since: number, alone: number, dozing: number): number {
    if (!this.crowded) return since + alone - performance.now();
    this.#dozes = true;
    return since + dozing - ((since + this.#phase) % dozing) - performance.now();
  }

  /** Waits so long, or until it has become too long or the signal is aborted. Never fails. */
  async resting(signal: AbortSignal, alone: number, dozing?: number): Promise<void> {
    const ms = this.rest(alone, dozing);
    await delay(ms, undefined, { signal: AbortSignal.any([signal, this.woken]) }).catch(() => undefined);
  }
}
