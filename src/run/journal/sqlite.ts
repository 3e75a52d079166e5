import { chmodSync, existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import type { JournalRecord, RunEvent } from '../events.ts';
import { sameBoot, thisProcess } from '../process.ts';
import { chained, GENESIS, type StoredRecord, verified } from './chain.ts';
import {
  type Fate,
  type Holder,
  type Journal,
  JournalBroken,
  JournalFailed,
  JournalLocked,
  type Lease,
  LeaseHeld,
  LeaseLost,
  mustBeTheirs,
  type Pulse,
  readPulses,
  UnknownFormat,
  type Writer,
} from './journal.ts';
import { keepsOut, standing } from './lease.ts';

/** The layout below, as `pragma user_version` has it, to be counted up with any change of it. Another is not touched. */
const FORMAT = 3;

/** How often it is worth looking for news, in ms; a fifth of the half second in which a change should be on the screen. */
const INTERVAL = 100;

/** How long the lock of another process is waited for at a time, doing nothing else, in ms, and how long before the next. */
const LOCKED = 100;
const PAUSE = 50;
/**
 * How long in all, in ms. Locks are held for as long as a flush takes, but for that of a process which is stopped while it
 * writes. The conductor has more to lose, and a person waits for the terminal.
 */
const PATIENCE = { conductor: 60_000, others: 5_000 };

const SCHEMA = `
  create table if not exists record (
    seq integer primary key, at integer not null, prev text not null, hash text not null, event text not null
  ) strict;
  create table if not exists lease (
    only integer primary key check (only = 1),
    token integer not null, host text not null, pid integer not null, started text not null,
    renewed integer not null, uptime integer not null, released integer not null
  ) strict;
  create table if not exists pulse (step text primary key, body text not null) strict;
  create table if not exists delivery (message_id text primary key, fate text not null) strict, without rowid;
  create table if not exists presence (terminal text primary key, said integer not null) strict;
`;

interface LeaseRow extends Lease {
  /** When it was renewed: ms since the epoch, and since this machine was started. */
  renewed: number;
  uptime: number;
  released: number;
}

/** Monotonic and the same in every process of this machine, in ms; begins anew when the machine is started. */
const uptime = (): number => Number(process.hrtime.bigint() / 1_000_000n);

/**
 * Since when a lease has not been renewed, in ms. What the clock on the wall says counts only where nothing better does: in
 * another boot of the machine, or on another one.
 */
function unheardMs(row: LeaseRow): number {
  const ms = sameBoot(row) ? uptime() - row.uptime : -1;
  return ms >= 0 ? ms : Math.max(0, Date.now() - row.renewed);
}

const DAMAGED = 'is damaged. Nothing was changed; keep the file, and go back to a copy of it.';

/** What SQLite's result codes mean here, and what to do. @see https://sqlite.org/rescode.html */
const TROUBLE: Record<number, string> = {
  1: 'is no journal of a run.',
  5: 'is locked by another process, which may be stopped. Find it (`fuser -v` with this path), end it, and go on.',
  8: 'may not be written by this user. Use the account that opened the run.',
  10: 'cannot be read or written: the disk reports an error. Copy the file away before anything else.',
  11: DAMAGED,
  13: 'cannot be written: the disk is full. Make room, then go on.',
  14: 'cannot be opened by this user. Use the account that opened the run.',
  26: 'is damaged, or no journal at all. Nothing was changed; keep the file, and go back to a copy of it.',
};

/** Does something with the file; what SQLite says against it is put into words. @throws JournalFailed */
function inWords<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    // A number that is none of ours.
    if ('code' in cause && cause.code === 'ERR_OUT_OF_RANGE') throw new JournalFailed(path, DAMAGED, { cause });
    if (!('errcode' in cause)) throw cause;
    // The low byte is the code, the rest of it a further distinction.
    const code = Number(cause.errcode) & 0xff;
    const Trouble = code === 5 ? JournalLocked : JournalFailed;
    throw new Trouble(path, TROUBLE[code] ?? `fails: ${cause.message}.`, { cause });
  }
}

function formatOf(database: DatabaseSync): number {
  return Number(database.prepare('pragma user_version').get()?.user_version);
}

/** A whole number as JavaScript has it, where it can have it exactly. */
function number(value: unknown): unknown {
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function numbered({ seq, at, prev, hash, event }: Record<string, unknown>): Record<keyof StoredRecord, unknown> {
  return { seq: number(seq), at: number(at), prev, hash, event };
}

/** Opens a file that is there, or makes it; SQLite itself would make one of any name that is asked for. */
function open(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 5_000 });
  database.exec('pragma synchronous = full');
  return database;
}

/**
 * Makes the journal of a run that is about to be opened, private to its owner, or leaves the one that is there.
 * @throws JournalFailed
 */
export function makeSqliteJournal(path: string): void {
  inWords(path, () => {
    const database = open(path);
    try {
      chmodSync(path, 0o600);
      database.exec('pragma journal_mode = wal');
      database.exec('begin immediate');
      if (formatOf(database) === 0) database.exec(`${SCHEMA} pragma user_version = ${FORMAT};`);
      database.exec('commit');
    } finally {
      database.close();
    }
  });
}

/**
 * The journal of one run in the SQLite file that `makeSqliteJournal` made. Appends are durable (WAL with synchronous=FULL):
 * when one returns, the record survives a power cut.
 * @see https://sqlite.org/pragma.html#pragma_synchronous
 * @throws JournalFailed
 */
export async function openSqliteJournal(path: string): Promise<Journal> {
  if (!existsSync(path)) throw new JournalFailed(path, 'is not there.');
  const guarded = <T>(work: () => T): T => inWords(path, work);
  const database = guarded(() => open(path));
  const format = guarded(() => formatOf(database));
  if (format !== FORMAT) {
    database.close();
    throw format === 0 ? new JournalFailed(path, 'is no journal of a run.') : new UnknownFormat(path, format);
  }
  const prepare = (sql: string) => guarded(() => database.prepare(sql));

  const lastRecord = prepare('select seq, hash from record order by seq desc limit 1');
  const recordAt = prepare('select seq, hash from record where seq = ?');
  const recordsAfter = prepare('select seq, at, prev, hash, event from record where seq > ? order by seq');
  // Numbers too large for a record are for `verified` to refuse.
  recordsAfter.setReadBigInts(true);
  const insert = prepare('insert into record (seq, at, prev, hash, event) values (?, ?, ?, ?, ?)');
  const put = prepare('insert or replace into delivery values (?, ?)');
  const forget = prepare('delete from delivery where message_id = ?');
  const leaseRow = prepare('select token, host, pid, started, renewed, uptime, released from lease');

  guarded(() => database.exec(`pragma busy_timeout = ${LOCKED}`));

  /** Does it again and again while another process has the lock; the rest of this one goes on in between. */
  async function patiently<T>(work: () => T, patience = PATIENCE.others): Promise<T> {
    const began = performance.now();
    for (;;) {
      try {
        return guarded(work);
      } catch (error) {
        if (!(error instanceof JournalLocked) || performance.now() - began > patience) throw error;
      }
      await delay(PAUSE);
    }
  }

  function transaction<T>(work: () => T, patience = PATIENCE.conductor): Promise<T> {
    return patiently(() => {
      database.exec('begin immediate');
      try {
        const result = work();
        database.exec('commit');
        return result;
      } catch (error) {
        if (database.isTransaction) database.exec('rollback');
        throw error;
      }
    }, patience);
  }

  function holder(): LeaseRow | undefined {
    return leaseRow.get() as LeaseRow | undefined;
  }

  function mustHold(lease: Lease): void {
    const row = holder();
    if (row?.token !== lease.token || row.released) throw new LeaseLost();
  }

  const standingOf = (row: LeaseRow) => standing({ ...row, released: row.released !== 0 }, unheardMs(row));
  const holderOf = (row: LeaseRow): Holder => {
    const { token, host, pid, started } = row;
    return { token, host, pid, started, unheardMs: unheardMs(row), silent: standingOf(row) === 'silent' };
  };

  return {
    interval: INTERVAL,

    async append(writer: Writer, at: number, events: RunEvent[]): Promise<JournalRecord[]> {
      mustBeTheirs(writer, events);
      return transaction(
        () => {
          if (typeof writer === 'object') mustHold(writer.lease);
          let last = (lastRecord.get() ?? { seq: 0, hash: GENESIS }) as { seq: number; hash: string };
          if (writer === 'opener' && last.seq > 0) return [];
          return events.map((event) => {
            const record = chained(last, Math.round(at), event);
            insert.run(record.seq, record.at, record.prev, record.hash, record.event);
            last = record;
            return { ...record, event };
          });
        },
        typeof writer === 'object' ? PATIENCE.conductor : PATIENCE.others,
      );
    },

    async read(after: number): Promise<JournalRecord[]> {
      const [last, stored] = await patiently(() => [
        after === 0 ? { seq: 0, hash: GENESIS } : recordAt.get(after),
        recordsAfter.all(after).map(numbered),
      ]);
      if (last === undefined) throw new JournalBroken(after, 'is missing');
      return verified(last as { seq: number; hash: string }, stored);
    },

    async acquire(takeOver = false): Promise<Lease> {
      return transaction(() => {
        const row = holder();
        if (row && keepsOut(standingOf(row), takeOver)) throw new LeaseHeld(holderOf(row));
        const lease = { token: (row?.token ?? 0) + 1, host: hostname(), ...thisProcess() };
        database
          .prepare('insert or replace into lease values (1, ?, ?, ?, ?, ?, ?, 0)')
          .run(lease.token, lease.host, lease.pid, lease.started, Date.now(), uptime());
        return lease;
      });
    },

    async holder(): Promise<Holder | null> {
      const row = await patiently(holder);
      return row && standingOf(row) !== 'free' ? holderOf(row) : null;
    },

    async renew(lease: Lease): Promise<void> {
      await transaction(() => {
        mustHold(lease);
        database.prepare('update lease set renewed = ?, uptime = ?').run(Date.now(), uptime());
      });
    },

    async release(lease: Lease): Promise<void> {
      await patiently(() => database.prepare('update lease set released = 1 where token = ?').run(lease.token));
    },

    async pulse(lease: Lease, pulse: Pulse): Promise<void> {
      await transaction(() => {
        mustHold(lease);
        database.prepare('insert or replace into pulse values (?, ?)').run(pulse.step, JSON.stringify(pulse));
      });
    },

    async pulses(): Promise<Pulse[]> {
      return readPulses(
        (await patiently(() => database.prepare('select body from pulse').all())).map(({ body }) => String(body)),
      );
    },

    async present(terminal: string): Promise<void> {
      await patiently(() => {
        // Nobody waits for the disk for one.
        database.exec('pragma synchronous = normal');
        try {
          database
            .prepare('insert into presence values (?, 1) on conflict (terminal) do update set said = said + 1')
            .run(terminal);
        } finally {
          database.exec('pragma synchronous = full');
        }
      });
    },

    async presences(): Promise<Record<string, number>> {
      const rows = await patiently(() => database.prepare('select terminal, said from presence').all());
      return Object.fromEntries(rows.map(({ terminal, said }) => [String(terminal), Number(said)]));
    },

    async takeFates(lease: Lease): Promise<Map<string, Fate>> {
      return transaction(() => {
        mustHold(lease);
        database.exec(`update delivery set fate = 'unknown' where fate = 'begun'`);
        const rows = database.prepare('select message_id, fate from delivery').all();
        return new Map(rows.map(({ message_id, fate }) => [String(message_id), fate as Fate]));
      });
    },

    async putFates(lease: Lease, fates: ReadonlyMap<string, Fate | null>): Promise<void> {
      await transaction(() => {
        mustHold(lease);
        for (const [messageId, fate] of fates) {
          if (fate === null) forget.run(messageId);
          else put.run(messageId, fate);
        }
      });
    },

    async close(): Promise<void> {
      database.close();
    },
  };
}

/**
 * When the run of a journal was opened, on its plan clock in ms since the epoch; null before it has been. Checks nothing.
 * @throws JournalFailed
 */
export function openingOf(path: string): number | null {
  return inWords(path, () => {
    const database = new DatabaseSync(path, { timeout: 5_000 });
    try {
      const row = database.prepare('select at from record where seq = 1').get();
      return row === undefined ? null : Number(row.at);
    } finally {
      database.close();
    }
  });
}
