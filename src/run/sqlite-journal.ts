import { chmodSync } from 'node:fs';
import { hostname } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { chained, GENESIS, type StoredRecord, verified } from './chain.ts';
import type { JournalRecord, RunEvent } from './events.ts';
import { type Journal, type Lease, LeaseHeld, LeaseLost, type Pulse, type Writer } from './journal.ts';
import { isAlive, startedAt } from './process.ts';

/** A holder on another machine is taken for dead when it has not renewed its lease for this long, in ms. */
const LAPSE = 30_000;

const SCHEMA = `
  create table if not exists record (
    seq integer primary key, at integer not null, prev text not null, hash text not null, event text not null
  ) strict;
  create table if not exists lease (
    only integer primary key check (only = 1),
    token integer not null, host text not null, pid integer not null, started text not null,
    renewed integer not null, released integer not null
  ) strict;
  create table if not exists pulse (step text primary key, body text not null) strict;
`;

type LeaseRow = Lease & { renewed: number; released: number };

/**
 * The journal of one run in a SQLite file, private to its owner. Appends are durable (WAL with synchronous=FULL): when
 * one returns, the record survives a power cut.
 * @see https://sqlite.org/pragma.html#pragma_synchronous
 */
export async function openSqliteJournal(path: string): Promise<Journal> {
  const database = new DatabaseSync(path, { timeout: 5_000 });
  database.exec('pragma journal_mode = wal; pragma synchronous = full;');
  database.exec(SCHEMA);
  chmodSync(path, 0o600);

  const lastRecord = database.prepare('select seq, hash from record order by seq desc limit 1');
  const recordAt = database.prepare('select seq, hash from record where seq = ?');
  const recordsAfter = database.prepare('select seq, at, prev, hash, event from record where seq > ? order by seq');
  const insert = database.prepare('insert into record (seq, at, prev, hash, event) values (?, ?, ?, ?, ?)');
  const leaseRow = database.prepare('select token, host, pid, started, renewed, released from lease');

  function transaction<T>(work: () => T): T {
    database.exec('begin immediate');
    try {
      const result = work();
      database.exec('commit');
      return result;
    } catch (error) {
      database.exec('rollback');
      throw error;
    }
  }

  function holder(): LeaseRow | undefined {
    return leaseRow.get() as LeaseRow | undefined;
  }

  function mustHold(lease: Lease): void {
    const row = holder();
    if (row?.token !== lease.token || row.released) throw new LeaseLost();
  }

  const holds = (row: LeaseRow) =>
    !row.released && (row.host === hostname() ? isAlive(row) : Date.now() - row.renewed < LAPSE);

  return {
    async append(writer: Writer, at: number, events: RunEvent[]): Promise<JournalRecord[]> {
      return transaction(() => {
        if (writer !== 'terminal') mustHold(writer.lease);
        let last = (lastRecord.get() ?? { seq: 0, hash: GENESIS }) as { seq: number; hash: string };
        return events.map((event) => {
          const record = chained(last, Math.round(at), event);
          insert.run(record.seq, record.at, record.prev, record.hash, record.event);
          last = record;
          return { ...record, event };
        });
      });
    },

    async read(after: number): Promise<JournalRecord[]> {
      const last = after === 0 ? { seq: 0, hash: GENESIS } : recordAt.get(after);
      return verified(last as { seq: number; hash: string }, recordsAfter.all(after) as unknown as StoredRecord[]);
    },

    async acquire(): Promise<Lease> {
      return transaction(() => {
        const row = holder();
        if (row && holds(row)) throw new LeaseHeld(row, Date.now() - row.renewed);
        const lease = {
          token: (row?.token ?? 0) + 1,
          host: hostname(),
          pid: process.pid,
          started: startedAt(process.pid) ?? '',
        };
        database
          .prepare('insert or replace into lease values (1, ?, ?, ?, ?, ?, 0)')
          .run(lease.token, lease.host, lease.pid, lease.started, Date.now());
        return lease;
      });
    },

    async renew(lease: Lease): Promise<void> {
      transaction(() => {
        mustHold(lease);
        database.prepare('update lease set renewed = ?').run(Date.now());
      });
    },

    async release(lease: Lease): Promise<void> {
      database.prepare('update lease set released = 1 where token = ?').run(lease.token);
    },

    async pulse(pulse: Pulse): Promise<void> {
      database.prepare('insert or replace into pulse values (?, ?)').run(pulse.step, JSON.stringify(pulse));
    },

    async pulses(): Promise<Pulse[]> {
      return database
        .prepare('select body from pulse')
        .all()
        .map((row) => JSON.parse(String(row.body)) as Pulse);
    },

    async close(): Promise<void> {
      database.close();
    },
  };
}
