import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { type JournalRecord, type RunEvent, urgent } from '../events.ts';
import { sameBoot, thisProcess } from '../process.ts';
import { listen, ring } from './bell.ts';
import { chained, GENESIS, type StoredRecord, verified } from './chain.ts';
import {
  type Fate,
  type Holder,
  type Journal,
  JournalBroken,
  JournalLocked,
  type Lease,
  LeaseHeld,
  LeaseLost,
  mustBeTheirs,
  type Pulse,
  readPulses,
  type Writer,
} from './journal.ts';
import { keepsOut, standing } from './lease.ts';
import { inWords, openFile } from './sqlite-file.ts';

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

/** A whole number as JavaScript has it, where it can have it exactly. */
function number(value: unknown): unknown {
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function numbered({ seq, at, prev, hash, event }: Record<string, unknown>): Record<keyof StoredRecord, unknown> {
  return { seq: number(seq), at: number(at), prev, hash, event };
}

/**
 * The journal of one run in the SQLite file that `makeSqliteJournal` made. Appends are durable (WAL with synchronous=FULL):
 * when one returns, the record survives a power cut.
 * @see https://sqlite.org/pragma.html#pragma_synchronous
 * @throws JournalFailed
 */
export async function openSqliteJournal(path: string): Promise<Journal> {
  const guarded = <T>(work: () => T): T => inWords(path, work);
  const database = openFile(path);
  const prepare = (sql: string) => guarded(() => database.prepare(sql));

  const lastRecord = prepare('select seq, hash from record order by seq desc limit 1');
  const recordsFrom = prepare('select seq, at, prev, hash, event from record where seq >= ? order by seq');
  // Numbers too large for a record are for `verified` to refuse.
  recordsFrom.setReadBigInts(true);
  const insert = prepare('insert into record (seq, at, prev, hash, event) values (?, ?, ?, ?, ?)');
  const put = prepare('insert or replace into delivery values (?, ?)');
  const forget = prepare('delete from delivery where message_id = ?');
  const renewal = prepare('update lease set renewed = ?, uptime = ?');
  const putPulse = prepare('insert or replace into pulse values (?, ?)');
  const allPulses = prepare('select body from pulse');
  const putPresence = prepare(
    'insert into presence values (?, 1) on conflict (terminal) do update set said = said + 1',
  );
  const allPresences = prepare('select terminal, said from presence');
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
    url: null,
    path,
    interval: INTERVAL,
    onNews: (told) => listen(path, told),

    async append(writer: Writer, at: number, events: RunEvent[]): Promise<JournalRecord[]> {
      mustBeTheirs(writer, events);
      const records = await transaction(
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
      // Those that doze in a crowd are to know when it has gone.
      if (events.some((event) => urgent(event) || event.type === 'terminal-left')) ring(path);
      return records;
    },

    async read(after: number): Promise<JournalRecord[]> {
      const stored = (await patiently(() => recordsFrom.all(after))).map(numbered);
      const last = after === 0 ? { seq: 0, hash: GENESIS } : stored.shift();
      if (last?.seq !== after) throw new JournalBroken(after, 'is missing');
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
        renewal.run(Date.now(), uptime());
      });
    },

    async release(lease: Lease): Promise<void> {
      await patiently(() => database.prepare('update lease set released = 1 where token = ?').run(lease.token));
    },

    async pulse(lease: Lease, pulse: Pulse): Promise<void> {
      await transaction(() => {
        mustHold(lease);
        putPulse.run(pulse.step, JSON.stringify(pulse));
      });
    },

    async pulses(): Promise<Pulse[]> {
      return readPulses((await patiently(() => allPulses.all())).map(({ body }) => String(body)));
    },

    async present(terminal: string): Promise<void> {
      await patiently(() => {
        // Nobody waits for the disk for one.
        database.exec('pragma synchronous = normal');
        try {
          putPresence.run(terminal);
        } finally {
          database.exec('pragma synchronous = full');
        }
      });
    },

    async presences(): Promise<Record<string, number>> {
      const rows = await patiently(() => allPresences.all());
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
