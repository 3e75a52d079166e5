import { hostname } from 'node:os';
import type { PoolClient } from 'pg';
import type { JournalRecord, RunEvent } from '../events.ts';
import { thisProcess } from '../process.ts';
import { chained, GENESIS, type StoredRecord, verified } from './chain.ts';
import { asking, type JournalDatabase } from './database.ts';
import {
  type Fate,
  type Holder,
  type Journal,
  JournalBroken,
  JournalFailed,
  type Lease,
  LeaseHeld,
  LeaseLost,
  mustBeTheirs,
  type Pulse,
  readPulses,
  type Writer,
} from './journal.ts';
import { keepsOut, standing } from './lease.ts';

/** How often it is worth looking for news, in ms: a terminal shows an event within half a second. */
const INTERVAL = 200;

interface LeaseRow extends Lease {
  released: boolean;
  /** Since it was renewed, by the server's clock. */
  ageMs: number;
}

/**
 * The journal of one run among those of a database, for terminals and conductors on any machine. An append locks the run's
 * lease, so that appends are in one order, checks it, and is durable when it returns; when the connection breaks at its
 * COMMIT, the records are looked for before they are written again.
 * @throws JournalFailed
 */
export function openPostgresJournal(run: string, database: JournalDatabase): Journal {
  const { where, lost } = database;
  const { patiently, transaction, once, close } = asking(database);

  async function leaseOf(client: PoolClient, lock: '' | 'for update' = ''): Promise<LeaseRow> {
    const { rows } = await client.query<LeaseRow>(
      `select token, host, pid, started, released,
              extract(epoch from clock_timestamp() - renewed)::float8 * 1000 as "ageMs"
         from middlewatch_journal.lease where run = $1 ${lock}`,
      [run],
    );
    const [row] = rows;
    if (row === undefined) throw new JournalFailed(where, `has no run ${run}.`);
    return row;
  }

  const holderOf = (row: LeaseRow): Holder => {
    const { token, host, pid, started, ageMs } = row;
    return { token, host, pid, started, unheardMs: ageMs, silent: standing(row, ageMs) === 'silent' };
  };

  /** In a transaction: nobody may take the lease until it ends. @throws LeaseLost */
  async function mustHold(client: PoolClient, lease: Lease): Promise<void> {
    const { token, released } = await leaseOf(client, 'for update');
    if (token !== lease.token || released) throw new LeaseLost();
  }

  /** Whether the first of these records, and so all of them, is there. */
  async function arrived(client: PoolClient, [first]: StoredRecord[]): Promise<boolean> {
    if (first === undefined) return false;
    const { rowCount } = await client.query(
      'select from middlewatch_journal.record where run = $1 and seq = $2 and hash = $3',
      [run, first.seq, first.hash],
    );
    return rowCount === 1;
  }

  async function insert(client: PoolClient, records: StoredRecord[]): Promise<void> {
    await client.query(
      `insert into middlewatch_journal.record (run, seq, at, prev, hash, event)
       select $1, * from unnest($2::integer[], $3::bigint[], $4::text[], $5::text[], $6::text[])`,
      [run, ...(['seq', 'at', 'prev', 'hash', 'event'] as const).map((column) => records.map((each) => each[column]))],
    );
  }

  return {
    url: database.url,
    path: null,
    interval: INTERVAL,
    onNews: () => () => undefined,

    async append(writer: Writer, at: number, events: RunEvent[]): Promise<JournalRecord[]> {
      mustBeTheirs(writer, events);
      let sent: StoredRecord[] = [];
      return transaction(async (client) => {
        const lease = await leaseOf(client, 'for update');
        // In a second attempt: the first may have been committed, and only the answer been lost.
        if (!(await arrived(client, sent))) {
          if (typeof writer === 'object' && (lease.token !== writer.lease.token || lease.released)) {
            throw new LeaseLost();
          }
          const { rows } = await client.query<{ seq: number; hash: string }>(
            'select seq, hash from middlewatch_journal.record where run = $1 order by seq desc limit 1',
            [run],
          );
          let last = rows[0] ?? { seq: 0, hash: GENESIS };
          if (writer === 'opener' && last.seq > 0) return [];
          sent = events.map((event) => {
            last = chained(last, Math.round(at), event);
            return last as StoredRecord;
          });
          await insert(client, sent);
        }
        return sent.map((record, index) => ({ ...record, event: events[index] as RunEvent }));
      });
    },

    async read(after: number): Promise<JournalRecord[]> {
      // The event of the record before the first is of no use, and may be long.
      const { rows } = await patiently((client) =>
        client.query<StoredRecord>(
          `select seq, at::float8 as at, prev, hash, case when seq > $2 then event else '' end as event
             from middlewatch_journal.record where run = $1 and seq >= $2 order by seq`,
          [run, after],
        ),
      );
      if (after === 0) return verified({ seq: 0, hash: GENESIS }, rows);
      const [before, ...news] = rows;
      if (before?.seq !== after) throw new JournalBroken(after, 'is missing');
      return verified(before, news);
    },

    async acquire(takeOver = false): Promise<Lease> {
      return transaction(async (client) => {
        const row = await leaseOf(client, 'for update');
        if (keepsOut(standing(row, row.ageMs), takeOver)) throw new LeaseHeld(holderOf(row));
        const lease = { token: row.token + 1, host: hostname(), ...thisProcess() };
        await client.query(
          `update middlewatch_journal.lease
              set token = $2, host = $3, pid = $4, started = $5, renewed = clock_timestamp(), released = false
            where run = $1`,
          [run, lease.token, lease.host, lease.pid, lease.started],
        );
        return lease;
      });
    },

    async holder(): Promise<Holder | null> {
      const row = await patiently((client) => leaseOf(client));
      return standing(row, row.ageMs) === 'free' ? null : holderOf(row);
    },

    async renew(lease: Lease): Promise<void> {
      const { rowCount } = await patiently((client) =>
        client.query(
          `update middlewatch_journal.lease set renewed = clock_timestamp()
            where run = $1 and token = $2 and not released`,
          [run, lease.token],
        ),
      );
      if (rowCount !== 1) throw new LeaseLost();
    },

    async release(lease: Lease): Promise<void> {
      await patiently((client) =>
        client.query('update middlewatch_journal.lease set released = true where run = $1 and token = $2', [
          run,
          lease.token,
        ]),
      );
    },

    async pulse(lease: Lease, pulse: Pulse): Promise<void> {
      // Nobody waits for the disk for one, nor for the server to come back: there will be a newer one.
      const put = once((client) =>
        client.query(
          `insert into middlewatch_journal.pulse (run, step, body)
           select run, $2, $3 from middlewatch_journal.lease, set_config('synchronous_commit', 'off', true)
            where run = $1 and token = $4 and not released
               on conflict (run, step) do update set body = excluded.body`,
          [run, pulse.step, JSON.stringify(pulse), lease.token],
        ),
      );
      const { rowCount } = await put.catch((error: unknown) => {
        if (!lost(error)) throw error;
        return { rowCount: 1 };
      });
      if (rowCount === 0) throw new LeaseLost();
    },

    async pulses(): Promise<Pulse[]> {
      const { rows } = await patiently((client) =>
        client.query<{ body: string }>('select body from middlewatch_journal.pulse where run = $1', [run]),
      );
      return readPulses(rows.map(({ body }) => body));
    },

    async present(terminal: string): Promise<void> {
      const put = once((client) =>
        client.query(
          `insert into middlewatch_journal.presence (run, terminal, said)
           select $1, $2, 1 from set_config('synchronous_commit', 'off', true)
               on conflict (run, terminal) do update set said = presence.said + 1`,
          [run, terminal],
        ),
      );
      await put.catch((error: unknown) => {
        if (!lost(error)) throw error;
      });
    },

    async presences(): Promise<Record<string, number>> {
      const { rows } = await patiently((client) =>
        client.query<{ terminal: string; said: number }>(
          'select terminal, said from middlewatch_journal.presence where run = $1',
          [run],
        ),
      );
      return Object.fromEntries(rows.map(({ terminal, said }) => [terminal, said]));
    },

    async takeFates(lease: Lease): Promise<Map<string, Fate>> {
      return transaction(async (client) => {
        await mustHold(client, lease);
        await client.query(
          `update middlewatch_journal.delivery set fate = 'unknown' where run = $1 and fate = 'begun'`,
          [run],
        );
        const { rows } = await client.query<{ id: string; fate: Fate }>(
          'select message_id as id, fate from middlewatch_journal.delivery where run = $1',
          [run],
        );
        return new Map(rows.map(({ id, fate }) => [id, fate]));
      });
    },

    async putFates(lease: Lease, fates: ReadonlyMap<string, Fate | null>): Promise<void> {
      await transaction(async (client) => {
        await mustHold(client, lease);
        const forgotten = [...fates].flatMap(([id, fate]) => (fate === null ? [id] : []));
        await client.query('delete from middlewatch_journal.delivery where run = $1 and message_id = any ($2)', [
          run,
          forgotten,
        ]);
        const known = [...fates].filter(([, fate]) => fate !== null);
        await client.query(
          `insert into middlewatch_journal.delivery (run, message_id, fate)
           select $1, * from unnest($2::text[], $3::text[])
               on conflict (run, message_id) do update set fate = excluded.fate`,
          [run, known.map(([id]) => id), known.map(([, fate]) => fate)],
        );
      });
    },

    close,
  };
}
