import type { Socket } from 'node:net';
import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Blocked, FenceLost, InDoubt, OtherJournal } from '../../src/postgres/errors.ts';
import { takeFence } from '../../src/postgres/house.ts';
import { record, recorded } from '../../src/postgres/ledger.ts';
import { sessionName } from '../../src/postgres/sessions.ts';
import { quiet, transaction } from '../../src/postgres/transaction.ts';
import { redactor } from '../../src/run/redact.ts';
import { explain } from '../../src/steps/explain.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';

let db: TestDatabase;
let pool: Pool;
const signal = new AbortController().signal;

beforeAll(async () => {
  db = await freshDatabase();
  pool = db.pool();
  await pool.query('create table account (id int primary key, amount int not null)');
  await pool.query('insert into account values (1, 0)');
  await pool.query(`
    create table slow (id int);
    create function late() returns trigger language plpgsql set lock_timeout = 0 as $$
      begin perform pg_advisory_xact_lock(77); return null; end $$;
    create constraint trigger at_commit after insert on slow deferrable initially deferred
      for each row execute function late()`);
});
afterAll(() => db.drop());

const amount = async () => (await pool.query<{ amount: number }>('select amount from account')).rows[0]?.amount;

/** A process of somebody else that holds the row, until it is told not to. */
async function holder() {
  const client = await db.client();
  await client.query("set application_name = 'nightly report'");
  await client.query('begin');
  await client.query('update account set amount = amount where id = 1');
  return { letGo: () => client.query('rollback') };
}

it('commits work and ledger together, or neither', async () => {
  await takeFence(pool, { run: 'together', token: 1 }, 'journal');
  const entry = (step: string) => ({ run: 'together', step, part: '', attempt: 1 });
  const fence = { run: 'together', token: 1 };
  const detail = await transaction({ pool, fence, signal, entry: entry('good') }, async (client) => {
    await client.query('update account set amount = amount + 1');
    return { rows: 1 };
  });
  expect(detail).toEqual({ rows: 1 });
  expect(await recorded(pool, 'together', 'good')).toEqual({ rows: 1 });
  const before = await amount();
  const failing = transaction({ pool, fence, signal, entry: entry('bad') }, async (client) => {
    await client.query('update account set amount = 99');
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(await amount()).toBe(before);
  expect(await recorded(pool, 'together', 'bad')).toBeUndefined();
});

it('is done again where a TRUNCATE of the application was at the table that it grants rights on', async () => {
  await takeFence(pool, { run: 'granting', token: 1 }, 'journal');
  const application = await db.client();
  await application.query('begin; truncate slow');
  let tries = 0;
  const granting = transaction({ pool, fence: { run: 'granting', token: 1 }, signal }, (client) => {
    tries += 1;
    return client.query('grant select on slow to pg_monitor');
  });
  await waiting('grant select on slow%');
  await application.query('commit');
  await granting;
  const { rows: servers } = await pool.query<{ major: number }>(
    "select current_setting('server_version_num')::int / 10000 as major",
  );
  // From 18 on the row of the catalog is waited for, so that it need not be.
  expect(tries).toBeGreaterThan((servers[0]?.major ?? 0) < 18 ? 1 : 0);
  const { rows } = await pool.query(`select has_table_privilege('pg_monitor', 'slow', 'select') as granted`);
  expect(rows).toEqual([{ granted: true }]);
});

it('lets a stale conductor commit nothing', async () => {
  await takeFence(pool, { run: 'fenced', token: 1 }, 'journal');
  const before = await amount();
  const stale = { pool, fence: { run: 'fenced', token: 1 }, signal };
  await takeFence(pool, { run: 'fenced', token: 2 }, 'journal');
  const late = transaction(stale, (client) => client.query('update account set amount = 77'));
  await expect(late).rejects.toBeInstanceOf(FenceLost);
  await expect(takeFence(pool, { run: 'fenced', token: 1 }, 'journal')).rejects.toBeInstanceOf(FenceLost);
  expect(await amount()).toBe(before);
});

it('does not let a run of one name be carried on from two journals, unless the other is given up', async () => {
  await takeFence(pool, { run: 'twice', token: 1 }, 'the one');
  for (const token of [1, 2]) {
    await expect(takeFence(pool, { run: 'twice', token }, 'the other')).rejects.toBeInstanceOf(OtherJournal);
  }
  await takeFence(pool, { run: 'twice', token: 2 }, 'the one');
  await pool.query("update middlewatch.fence set journal = null where run = 'twice'");
  await takeFence(pool, { run: 'twice', token: 2 }, 'the other');
  await expect(takeFence(pool, { run: 'twice', token: 3 }, 'the one')).rejects.toBeInstanceOf(OtherJournal);
});

/** Somebody who holds up each COMMIT that has put rows into `slow`, until told not to. */
async function holdsCommitUp() {
  const client = await db.client();
  await client.query('select pg_advisory_lock(77)');
  return { letGo: () => client.query('select pg_advisory_unlock(77)') };
}

/** Resolves when a session waits for a lock in this query. */
const waiting = (query: string) =>
  eventually(async () => {
    const { rowCount } = await db.superuser.query(
      "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database() and query ilike $1",
      [query],
    );
    expect(rowCount).toBe(1);
  });

it('makes a new conductor wait for what the old one is committing', async () => {
  const { letGo } = await holdsCommitUp();
  await takeFence(pool, { run: 'handover', token: 1 }, 'journal');
  const theirs = db.pool({ application_name: sessionName('handover', 1) });
  const old = transaction({ pool: theirs, fence: { run: 'handover', token: 1 }, signal }, (client) =>
    client.query('insert into slow values (1)'),
  );
  await waiting('commit');
  const taken = takeFence(pool, { run: 'handover', token: 2 }, 'journal');
  await waiting('insert into middlewatch.fence%');
  // Long enough for a look at who is in the way.
  const looks = vi.spyOn(pool, 'query');
  await eventually(() => expect(looks.mock.calls.length).toBeGreaterThan(1));
  await letGo();
  await old;
  expect((await taken).ended.rows).toEqual([]);
  expect((await pool.query('select from slow')).rowCount).toBe(1);
});

it('is quiet once a COMMIT has come to its end whose connection was lost', async () => {
  const { letGo } = await holdsCommitUp();
  await takeFence(pool, { run: 'lost', token: 1 }, 'journal');
  const fence = { run: 'lost', token: 1 };
  const lost = transaction({ pool, fence, signal }, async (client) => {
    await client.query('insert into slow values (2)');
    await record(client, { run: 'lost', step: 'late', part: '', attempt: 1 }, 'done');
    // The server hears the COMMIT, and nobody its answer.
    const { connection } = client as unknown as { connection: { stream: Socket; query(text: string): void } };
    connection.query('commit');
    connection.stream.destroy();
  });
  expect(await lost.catch((error: unknown) => error)).toBeInstanceOf(InDoubt);
  await waiting('commit');
  const after = quiet({ pool, fence, signal }).then(() => recorded(pool, 'lost', 'late'));
  await waiting('%fence%for update');
  await letGo();
  expect(await after).toBe('done');
});

it('ends what a conductor that stopped has left open, so that it is committed by nobody', async () => {
  await takeFence(pool, { run: 'stopped', token: 1 }, 'journal');
  const before = await amount();
  const theirs = db.pool({ application_name: sessionName('stopped', 1) });
  const wakes = Promise.withResolvers<void>();
  const stops = Promise.withResolvers<void>();
  const old = transaction({ pool: theirs, fence: { run: 'stopped', token: 1 }, signal }, async (client) => {
    await client.query('update account set amount = 55');
    stops.resolve();
    await wakes.promise;
  });
  const came = old.catch((error: unknown) => error);
  await stops.promise;
  const { ended } = await takeFence(pool, { run: 'stopped', token: 2 }, 'journal');
  expect(ended.rows).toEqual([expect.arrayContaining(['idle in transaction', 'update account set amount = 55'])]);
  wakes.resolve();
  expect(await came).toBeInstanceOf(InDoubt);
  expect(await amount()).toBe(before);
});

it('gives no connection back that a cancel may still come to', async () => {
  await takeFence(pool, { run: 'cancelled', token: 1 }, 'journal');
  const one = db.pool({ max: 2 });
  const stopping = new AbortController();
  let pid = 0;
  const stopped = transaction(
    { pool: one, fence: { run: 'cancelled', token: 1 }, signal: stopping.signal },
    async (client) => {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      pid = rows[0]?.pid ?? 0;
      stopping.abort(new Error('stopped'));
    },
  );
  await expect(stopped).rejects.toThrow('stopped');
  const clients = [await one.connect(), await one.connect()];
  const pids = clients.map(async (client) => (await client.query('select pg_backend_pid() as pid')).rows[0].pid);
  const given = await Promise.all(pids);
  for (const client of clients) client.release();
  expect(given).not.toContain(pid);
});

it('leaves alone what another run has open, also one of a long name that differs at its end only', async () => {
  const [first, second] = ['10', '11'].map((day) => `a-runbook-with-more-of-a-name-than-anybody-reads-2030-03-${day}`);
  const theirs = db.pool({ application_name: sessionName(first ?? '', 1) });
  const client = await theirs.connect();
  await client.query('begin');
  await takeFence(pool, { run: second ?? '', token: 2 }, 'journal');
  const stands = await client.query('select 1').then(
    () => true,
    () => false,
  );
  client.release(true);
  expect(stands).toBe(true);
});

it('waits for a lock no longer than it may, and tries again until it is free (F16)', async () => {
  await takeFence(pool, { run: 'retry', token: 1 }, 'journal');
  const before = (await amount()) ?? 0;
  const { letGo } = await holder();
  let tries = 0;
  await transaction({ pool, fence: { run: 'retry', token: 1 }, signal }, async (client) => {
    tries += 1;
    if (tries === 3) await letGo();
    await client.query('update account set amount = amount + 1');
  });
  expect(tries).toBe(3);
  expect(await amount()).toBe(before + 1);
});

it('on the last try shows who stands in the way (F12, F16)', async () => {
  await takeFence(pool, { run: 'blocked', token: 1 }, 'journal');
  const { letGo } = await holder();
  const error = await transaction({ pool, fence: { run: 'blocked', token: 1 }, signal, tries: 3 }, (client) =>
    client.query('alter table account add column late int'),
  ).catch((error: unknown) => error);
  await letGo();
  expect(error).toBeInstanceOf(Blocked);
  expect((error as Blocked).code).toBe('55P03');
  expect((error as Blocked).table?.rows.flat()).toContain('nightly report');
  // And so does the question that it leads to.
  const { evidence } = explain(error, redactor({}));
  expect(evidence).toMatchObject([{ title: 'In the way', rows: [expect.arrayContaining(['nightly report'])] }]);
});

it('shows a prepared transaction that stands in the way, which is no session', async () => {
  await takeFence(pool, { run: 'prepared', token: 1 }, 'journal');
  const client = await db.client();
  await client.query(`begin; update account set amount = amount; prepare transaction '${db.name} forgotten'`);
  const error = await transaction({ pool, fence: { run: 'prepared', token: 1 }, signal, tries: 3 }, (client) =>
    client.query('alter table account add column late int'),
  ).catch((error: unknown) => error);
  await client.query(`rollback prepared '${db.name} forgotten'`);
  expect((error as Blocked).table?.rows).toEqual([
    expect.arrayContaining(['prepared transaction', `${db.name} forgotten`]),
  ]);
});

it('does a transaction that lost a deadlock again (F12)', async () => {
  await pool.query(
    'create table a (n int); create table b (n int); insert into a values (0); insert into b values (0)',
  );
  await takeFence(pool, { run: 'deadlock', token: 1 }, 'journal');
  const other = await db.client();
  await other.query("set deadlock_timeout = '1min'; begin; update b set n = n + 1");
  let theirs: Promise<unknown> = Promise.resolve();
  let tries = 0;
  await transaction({ pool, fence: { run: 'deadlock', token: 1 }, signal }, async (client) => {
    tries += 1;
    // The server finds the deadlock before our lock_timeout is over.
    await client.query("set local lock_timeout = 0; set local deadlock_timeout = '10ms'");
    await client.query('lock a in access exclusive mode');
    if (tries === 1) theirs = other.query('update a set n = n + 1').then(() => other.query('commit'));
    await client.query('lock b in access exclusive mode');
  });
  await theirs;
  expect(tries).toBeGreaterThan(1);
  expect((await pool.query('select a.n as a, b.n as b from a, b')).rows).toEqual([{ a: 1, b: 1 }]);
});

it('cancels what is at work on the server when it is aborted', async () => {
  await takeFence(pool, { run: 'abort', token: 1 }, 'journal');
  const stop = new AbortController();
  const sleeping = transaction({ pool, fence: { run: 'abort', token: 1 }, signal: stop.signal }, (client) =>
    client.query('select pg_sleep(3600)'),
  );
  const asleep = () =>
    db.superuser.query("select from pg_stat_activity where query = 'select pg_sleep(3600)' and state = 'active'");
  await eventually(async () => expect((await asleep()).rowCount).toBe(1));
  stop.abort(new Error('stop the run'));
  await expect(sleeping).rejects.toThrow('stop the run');
  expect((await asleep()).rowCount).toBe(0);
});
