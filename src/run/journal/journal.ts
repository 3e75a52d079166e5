import type { JournalRecord, RunEvent } from '../events.ts';

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

/**
 * Who writes: the conductor, which must hold the lease; a terminal, whose answers anyone may add; or whoever opens the run,
 * whose records are the first or, when somebody else was quicker, not written at all.
 */
export type Writer = { lease: Lease } | 'terminal' | 'opener';

/** What people say and ask, and that they are there. Everything else is for the conductor to say, or for the opener. */
const OF_TERMINALS: ReadonlySet<RunEvent['type']> = new Set([
  'prompt-answered',
  'requested',
  'change-proposed',
  'warned',
  'terminal-attached',
  'terminal-left',
] satisfies RunEvent['type'][]);

/** @throws TypeError when a terminal is about to put on record what is not for it to say */
export function mustBeTheirs(writer: Writer, events: readonly RunEvent[]): void {
  const strange = writer === 'terminal' ? events.find(({ type }) => !OF_TERMINALS.has(type)) : undefined;
  if (strange) throw new TypeError(`A terminal does not put “${strange.type}” on record.`);
}

/**
 * What became of one mail to one person. `begun` stays behind only when the conductor died or was taken over from at that
 * very moment; it is `unknown` to the next: perhaps delivered, so never sent again without a person saying so.
 */
export type Fate = 'begun' | 'reached' | 'refused' | 'unknown';

/** A lease that is held. */
export interface Holder extends Lease {
  /** How long ago it was last renewed, in ms, by the clock of the journal. */
  unheardMs: number;
  /** It has not been for so long that another may take over. */
  silent: boolean;
}

/** Another process conducts this run. */
export class LeaseHeld extends Error {
  readonly holder: Holder;
  readonly advice: string;
  /** @param conductor who started it, and how long ago, as a piece of a sentence */
  constructor(holder: Holder, { conductor = '', advice = '' }: { conductor?: string; advice?: string } = {}) {
    const { pid, host, unheardMs, silent } = holder;
    const ago = `${Math.round(unheardMs / 1000)} s`;
    const who = `process ${pid} on ${host}${conductor}`;
    super(
      silent
        ? `The conductor of this run, ${who}, has not been heard of for ${ago}.`
        : `This run is conducted by ${who}, last heard of ${ago} ago.`,
    );
    this.name = 'LeaseHeld';
    this.holder = holder;
    this.advice = advice;
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
  constructor(seq: number, what: string, options?: ErrorOptions) {
    super(
      `Record ${seq} of the journal ${what}. Do not go on with this run; keep the journal and show it to a second person.`,
      options,
    );
    this.name = 'JournalBroken';
    this.seq = seq;
  }
}

/** The file or database of a journal cannot be read or written, or is none. */
export class JournalFailed extends Error {
  constructor(where: string, what: string, options?: ErrorOptions) {
    super(`The journal ${where} ${what}`, options);
    this.name = new.target.name;
  }
}

/** The server of the store has been away for longer than is waited for. */
export class JournalAway extends JournalFailed {}

/** Another process has the store to itself at present. */
export class JournalLocked extends JournalFailed {}

/** The journal is of a layout that this version of the program does not know. */
export class UnknownFormat extends JournalFailed {
  constructor(where: string, format: number | string) {
    super(
      where,
      `has the format ${format}, which this version of runbook does not know. Use the version that opened it.`,
    );
  }
}

/** The pulses that can be read; they are no part of the truth, and one that is damaged is as good as none. */
export function readPulses(bodies: string[]): Pulse[] {
  return bodies.flatMap((body) => {
    try {
      return [JSON.parse(body) as Pulse];
    } catch {
      return [];
    }
  });
}

/**
 * The ordered, hash-chained facts of one run.
 * @throws JournalFailed from everything, when the store itself fails
 */
export interface Journal {
  /** The database it is kept in, as `--journal` takes it, without the password; null for a file. */
  readonly url: string | null;
  /** The file that it is kept in, if one is. */
  readonly path: string | null;
  /** How often it is worth looking for news where nobody tells of them, in ms. */
  readonly interval: number;
  /**
   * Calls back when there may be urgent records, as well as can be: not every journal can tell, nor at all times.
   * @returns stops it
   */
  onNews(told: () => void): () => void;
  /** Appends durably, or not at all. @throws LeaseLost, TypeError for what is not the writer's to say @returns what was written */
  append(writer: Writer, at: number, events: RunEvent[]): Promise<JournalRecord[]>;
  /** Records with a `seq` above `after`, oldest first. @throws JournalBroken */
  read(after: number): Promise<JournalRecord[]>;
  /**
   * @param takeOver also from a holder that has been silent for the lapse
   * @throws LeaseHeld
   */
  acquire(takeOver?: boolean): Promise<Lease>;
  /** Who conducts at present; null when nobody does, or whoever did has certainly ended. */
  holder(): Promise<Holder | null>;
  /** @throws LeaseLost */
  renew(lease: Lease): Promise<void>;
  release(lease: Lease): Promise<void>;
  /** @throws LeaseLost */
  pulse(lease: Lease, pulse: Pulse): Promise<void>;
  pulses(): Promise<Pulse[]>;
  /** This terminal is there still. Like a pulse, no part of the truth. */
  present(terminal: string): Promise<void>;
  /** How often each terminal has said that it is there. */
  presences(): Promise<Record<string, number>>;
  /**
   * What is known of the run's mails, by Message-ID, for the conductor that goes on with them. What an earlier one had begun
   * is `unknown` from now on. @throws LeaseLost
   */
  takeFates(lease: Lease): Promise<Map<string, Fate>>;
  /** Durable when it returns; null forgets a mail, which certainly did not go out. @throws LeaseLost */
  putFates(lease: Lease, fates: ReadonlyMap<string, Fate | null>): Promise<void>;
  close(): Promise<void>;
}
