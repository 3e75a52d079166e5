import type { JournalRecord, RunEvent } from './events.ts';

/** Rows done of rows to do, for a step or one of its parts. `note` says why it is slow, when it is. */
export interface Progress {
  done: number;
  total: number;
  unit: string;
  note?: string;
  parts?: { name: string; done: number; total: number; state: 'waiting' | 'working' | 'done' }[];
}

/** The newest progress of a step: overwritten, never part of the truth. */
export interface Pulse extends Progress {
  step: string;
  /** Plan clock, ms since the epoch. */
  at: number;
}

/** Who conducts. `token` grows by one with every holder, so that a stale one can be told from its successor. */
export interface Lease {
  token: number;
  host: string;
  pid: number;
  /** When the holder's process started, as the operating system tells it: tells a pid from its reuse. */
  started: string;
}

/** Whether the writer must hold the lease (the conductor) or is a terminal, whose answers anyone may add. */
export type Writer = { lease: Lease } | 'terminal';

/** A lease that is held. */
export interface Holder extends Lease {
  /** When it was last renewed, ms since the epoch. */
  renewed: number;
}

/** Another process conducts this run. */
export class LeaseHeld extends Error {
  readonly holder: Holder;
  constructor(holder: Holder) {
    const { pid, host, renewed } = holder;
    const agoMs = Math.max(0, Date.now() - renewed);
    super(
      `This run is conducted by process ${pid} on ${host}, last heard of ${Math.round(agoMs / 1000)} s ago. ` +
        'Attach to it with `runbook attach`.',
    );
    this.name = 'LeaseHeld';
    this.holder = holder;
  }
}

/** The lease went to somebody else: nothing more may be written, or done. */
export class LeaseLost extends Error {
  constructor(options?: ErrorOptions) {
    super('Another conductor has taken this run over; this one stops.', options);
    this.name = 'LeaseLost';
  }
}

/** A record that does not follow from the one before it. */
export class JournalBroken extends Error {
  readonly seq: number;
  constructor(seq: number, what: string) {
    super(
      `Record ${seq} of the journal ${what}. Do not go on with this run; keep the file and show it to a second person.`,
    );
    this.name = 'JournalBroken';
    this.seq = seq;
  }
}

/** The file of a journal cannot be read or written, or is none. */
export class JournalFailed extends Error {
  constructor(path: string, what: string, options?: ErrorOptions) {
    super(`The journal ${path} ${what}`, options);
    this.name = 'JournalFailed';
  }
}

/**
 * The ordered, hash-chained facts of one run.
 * @throws JournalFailed from everything, when the store itself fails
 */
export interface Journal {
  /** Appends durably, or not at all. @throws LeaseLost */
  append(writer: Writer, at: number, events: RunEvent[]): Promise<JournalRecord[]>;
  /** Records with a `seq` above `after`, oldest first. @throws JournalBroken */
  read(after: number): Promise<JournalRecord[]>;
  /** @throws LeaseHeld while another holder is alive */
  acquire(): Promise<Lease>;
  /** Who conducts at present; null when nobody does, or whoever did is dead. */
  holder(): Promise<Holder | null>;
  /** @throws LeaseLost */
  renew(lease: Lease): Promise<void>;
  release(lease: Lease): Promise<void>;
  pulse(pulse: Pulse): Promise<void>;
  pulses(): Promise<Pulse[]>;
  close(): Promise<void>;
}
