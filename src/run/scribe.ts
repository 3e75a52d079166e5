import { ready } from './answering/answers.ts';
import type { PlanClock } from './clock.ts';
import type { RunEvent } from './events.ts';
import { fold, foldAll } from './fold/fold.ts';
import type { Journal, Lease, Progress, Pulse } from './journal/journal.ts';
import type { RunState } from './state.ts';

/** The plan clock, given what the journal says of it and where a jump is put on record. */
export type ClockMaker = (aheadMs: number, onJump: (byMs: number) => Promise<void>) => PlanClock;

/** For this long after the journal has last heard of its holder, in ms, a lease is not questioned; nobody takes it so early. */
const SURE = 15_000;

/** The conductor's pen: appends under its lease, in one order whoever asks, and keeps the state folded to the last record. */
export class Scribe {
  readonly clock: PlanClock;
  /** The hash of the journal's first record: what no other journal has. */
  readonly origin: string;
  readonly #journal: Journal;
  readonly #lease: Lease;
  readonly #pulses = new Map<string, Pulse>();
  readonly #unshown = new Set<string>();
  #state: RunState;
  #turn: Promise<unknown> = Promise.resolve();
  /** Real clock; before what it heard was sent, for a process may sleep until the answer. */
  #heardOf = Number.NEGATIVE_INFINITY;

  private constructor(journal: Journal, lease: Lease, opened: { origin: string; state: RunState }, clock: ClockMaker) {
    const { origin, state } = opened;
    this.origin = origin;
    this.#journal = journal;
    this.#lease = lease;
    this.#state = state;
    this.clock = clock(state.aheadMs, (byMs) => this.log([{ type: 'clock-jumped', byMs }]));
  }

  /** Reads the journal from its beginning. @throws JournalBroken */
  static async open(journal: Journal, lease: Lease, clock: ClockMaker): Promise<Scribe> {
    const records = await journal.read(0);
    const state = foldAll(null, records);
    const origin = records[0]?.hash;
    if (state === null || origin === undefined) throw new TypeError('A run is opened before it is conducted.');
    return new Scribe(journal, lease, { origin, state }, clock);
  }

  get state(): RunState {
    return this.#state;
  }

  get token(): number {
    return this.#lease.token;
  }

  /** The newest progress of the steps this conductor has had at work. */
  get pulses(): Pulse[] {
    return [...this.#pulses.values()];
  }

  /** Appends durably, stamped by the plan clock. @throws LeaseLost, or what keeps the journal from being written */
  log(events: RunEvent[]): Promise<void> {
    return this.#inTurn(async () => {
      const sent = performance.now();
      await this.#journal.append({ lease: this.#lease }, this.clock.now(), events);
      this.#heardOf = sent;
      await this.#read();
    });
  }

  /** Folds in what terminals have added. @throws JournalBroken */
  catchUp(): Promise<void> {
    return this.#inTurn(() => this.#read());
  }

  /** Acts on every question that has an answer, as far as terminals have added any. @throws LeaseLost, JournalBroken */
  settle(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#read();
      const settling = this.#state.prompts.filter(ready).map(({ prompt }): RunEvent => {
        return { type: 'prompt-settled', prompt: prompt.id, round: prompt.round };
      });
      if (settling.length === 0) return;
      await this.#journal.append({ lease: this.#lease }, this.clock.now(), settling);
      await this.#read();
    });
  }

  /** Notes the newest progress of a step, for the next `showPulses`: a step may have far more to tell than anybody reads. */
  pulse(step: string, progress: Progress): void {
    this.#pulses.set(step, { ...progress, step, at: this.clock.now() });
    this.#unshown.add(step);
  }

  /** Lets the terminals see what progress there was since the last time. @throws LeaseLost */
  async showPulses(): Promise<void> {
    for (const step of this.#unshown) {
      this.#unshown.delete(step);
      const pulse = this.#pulses.get(step);
      if (pulse !== undefined) await this.#journal.pulse(this.#lease, pulse);
    }
  }

  /** @throws LeaseLost */
  async renew(): Promise<void> {
    const sent = performance.now();
    await this.#journal.renew(this.#lease);
    this.#heardOf = sent;
  }

  /**
   * To be called right before an act. A process that slept since the act was put on record may have been taken over from,
   * and not every act asks the fence.
   * @throws LeaseLost
   */
  async assureLease(): Promise<void> {
    while (performance.now() - this.#heardOf > SURE) await this.renew();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #read(): Promise<void> {
    for (const record of await this.#journal.read(this.#state.seq)) this.#state = fold(this.#state, record);
  }
}
