import type { JournalRecord, RunEvent } from '../../src/run/events.ts';
import { fold } from '../../src/run/fold/fold.ts';
import { chained, GENESIS, verified } from '../../src/run/journal/chain.ts';
import {
  type Holder,
  type Journal,
  JournalFailed,
  type Lease,
  LeaseHeld,
  LeaseLost,
} from '../../src/run/journal/journal.ts';
import type { RunState } from '../../src/run/state.ts';
import type { Process, World } from './world.ts';

/** A holder that has not renewed its lease for this long is taken for dead, in ms. */
const LAPSE = 30_000;
/** How long a request to the store, or its answer, is on its way at most, in ms. */
const ON_ITS_WAY = 6;

/** What the journals of all processes are about: it outlives them. */
export class Store {
  readonly records: JournalRecord[] = [];
  state: RunState | null = null;
  /** While it is, nothing can be written. */
  full = false;
  #held: (Holder & { process: Process; at: number; released: boolean }) | null = null;
  readonly #world: World;
  readonly #onRecord: (before: RunState | null, record: JournalRecord, after: RunState) => void;

  /** @param onRecord told of each record, with the state before and after it */
  constructor(world: World, onRecord: Store['onRecord']) {
    this.#world = world;
    this.#onRecord = onRecord;
  }

  get onRecord() {
    return this.#onRecord;
  }

  /** The token of the newest holder; 0 before the first. */
  get token(): number {
    return this.#held?.token ?? 0;
  }

  /** Begins the run. */
  open(event: Extract<RunEvent, { type: 'run-opened' }>): void {
    this.#write(Date.now(), [event]);
  }

  #write(at: number, events: RunEvent[]): JournalRecord[] {
    if (this.full) throw new JournalFailed('of the simulation', 'cannot be written: the disk is full.');
    return events.map((event) => {
      const last = this.records.at(-1) ?? { seq: 0, hash: GENESIS };
      const [record] = verified(last, [chained(last, Math.round(at), event)]);
      if (record === undefined) throw new Error('no record');
      const before = this.state;
      this.records.push(record);
      this.state = fold(before, record);
      this.#onRecord(before, record, this.state);
      return record;
    });
  }

  #mustHold({ token }: Lease): void {
    if (this.#held?.token !== token || this.#held.released) throw new LeaseLost();
  }

  #alive(): Holder | null {
    const held = this.#held;
    if (held === null || held.released) return null;
    const lapsed = this.#world.nowMs - held.at >= LAPSE;
    return held.process.state === 'dead' || held.process.state === 'ended' || lapsed ? null : held;
  }

  /** A process's way to the store. A process that dies on it may or may not have been heard; an answer to it is lost. */
  journal(process: Process): Journal {
    const world = this.#world;
    const asked = async <T>(work: () => T): Promise<T> => {
      await world.takes(ON_ITS_WAY);
      const result = work();
      await world.takes(ON_ITS_WAY);
      return result;
    };
    return {
      url: null,
      path: null,
      interval: 100,
      onNews: () => () => undefined,
      append: (writer, at, events) =>
        asked(() => {
          if (typeof writer === 'object') this.#mustHold(writer.lease);
          return this.#write(at, events);
        }),
      read: (after) => asked(() => this.records.slice(after)),
      acquire: () =>
        asked(() => {
          const alive = this.#alive();
          if (alive) throw new LeaseHeld(alive);
          const lease = { token: this.token + 1, host: process.name, pid: 1, started: '' };
          this.#held = { ...lease, unheardMs: 0, silent: false, process, at: world.nowMs, released: false };
          return lease;
        }),
      holder: () => asked(() => this.#alive()),
      renew: (lease) =>
        asked(() => {
          this.#mustHold(lease);
          if (this.#held) this.#held.at = world.nowMs;
        }),
      release: (lease) =>
        asked(() => {
          if (this.#held?.token === lease.token) this.#held.released = true;
        }),
      pulse: (lease) => asked(() => this.#mustHold(lease)),
      pulses: () => asked(() => []),
      present: () => asked(() => undefined),
      presences: () => asked(() => ({})),
      takeFates: () => asked(() => new Map()),
      putFates: () => asked(() => undefined),
      close: async () => undefined,
    };
  }
}
