import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeFolder } from '../../src/rehearsal/folder.ts';
import { startPostgres } from '../../src/rehearsal/postgres.ts';
import { openThrottle, type Throttle } from '../../src/steps/backfill/signals.ts';
import { freshDatabase, poolOf, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { standbyOf } from '../support/standby.ts';
import { actOf, stateOf, stepOf, worldOf } from './acting.ts';
import { application } from './application.ts';
import { commitProxy } from './commit-proxy.ts';

let db: TestDatabase;
beforeEach(async () => {
  db = await freshDatabase();
  await db.superuser.query('create table "Big Table" (id int); insert into "Big Table" select generate_series(1, 300)');
});
afterEach(() => db.drop());

interface Watched {
  throttle: Throttle;
  /** Everything the throttle gave as a reason, the newest last. */
  reasons: string[];
  /** What it had to say for the log. */
  log: string[];
}

/** A throttle that heeds these signals of this pool's server, and of an application where a URL is given. */
function heeding(pool: pg.Pool, slow_down: object, url = 'http://127.0.0.1:1', asked = 0): Watched {
  const reasons: string[] = [];
  const log: string[] = [];
  const parts = { watches: [{ id: 'app', title: 'App', every: '1s', request: { id: 'it', url, timeout: '1s' } }] };
  const watches = { app: { asked, failed: 0, downMs: 0, p50Ms: 5, p99Ms: 10 } };
  const act = Object.assign(actOf({ state: stateOf({}, { watches }) }), {
    note: async (text: string) => void log.push(text),
  });
  const step = stepOf('backfill', { tables: 't', file: 'f', remaining: 'r', slow_down });
  const throttle = openThrottle(step, act, worldOf({ pool, parts }), ['"public"."Big Table"'], (why) =>
    reasons.push(why),
  );
  return { throttle, reasons, log };
}

const ours = () => db.pool({ application_name: 'middlewatch test', max: 4 });

it('does less while somebody waits for a lock of ours, and comes back when nobody does', async () => {
  await db.superuser.query('grant all on "Big Table" to pg_monitor');
  // The role may have another for its work (ALTER ROLE … SET role): sessions are told by who logged in.
  const pool = db.pool({ application_name: 'middlewatch test', max: 4, options: '-c role=pg_monitor' });
  const { throttle, reasons, log } = heeding(pool, {});
  await using _ = throttle;
  const [worker, client] = [await pool.connect(), await db.client()];
  await worker.query('begin; update "Big Table" set id = id where id = 1');
  const blocked = client.query('update "Big Table" set id = id where id = 1');
  await eventually(() => expect(reasons.at(-1)).toMatch(/^slowed to \d+%: 1 session waits for its locks$/));
  expect(throttle.share).toBeLessThan(1);
  const slow = throttle.share;
  await worker.query('rollback');
  await blocked;
  worker.release();
  await eventually(() => expect(throttle.share).toBeGreaterThan(slow));
  expect(log).toEqual([expect.stringContaining('1 session waits for its locks')]);
});

it('does not take its own workers, or strangers that wait for strangers, for those who wait behind it', async () => {
  const pool = ours();
  const [first, second] = [await pool.connect(), await pool.connect()];
  const { throttle, reasons } = heeding(pool, {});
  await using _ = throttle;
  await first.query('begin; update "Big Table" set id = id where id = 1');
  const own = second.query('update "Big Table" set id = id where id = 1');
  const [stranger, other] = [await db.client(), await db.client()];
  await stranger.query('begin; update "Big Table" set id = id where id = 2');
  const theirs = other.query('update "Big Table" set id = id where id = 2');
  await eventually(() => expect(reasons.length).toBeGreaterThan(1));
  expect(reasons).toEqual(reasons.map(() => ''));
  await first.query('rollback');
  await stranger.query('rollback');
  await Promise.all([own, theirs]);
  first.release();
  second.release();
});

it('lets a vacuum of its table get through, seen as a role that is not shown what others do', async () => {
  await db.superuser.query(`drop role if exists filler; create role filler login password 'filler'`);
  const pool = poolOf(db.env, { user: 'filler', password: 'filler' });
  const { throttle, reasons } = heeding(pool, {});
  const vacuum = await db.client();
  await vacuum.query('set vacuum_cost_delay = 100; set vacuum_cost_limit = 1');
  await db.superuser.query('insert into "Big Table" select generate_series(1, 30000)');
  const vacuumed = vacuum.query('vacuum "Big Table"').catch((error: Error) => error.message);
  await eventually(() => expect(reasons.at(-1)).toBe('slowed to 50%: "Big Table" is being vacuumed'));
  await db.superuser.query('select pg_cancel_backend(pid) from pg_stat_progress_vacuum');
  expect(await vacuumed).toContain('canceling');
  await throttle[Symbol.asyncDispose]();
  await pool.end();
  await db.superuser.query('drop role filler');
});

it('does less when the server writes more WAL than it should', async () => {
  const { throttle, reasons } = heeding(ours(), { wal: '1kB/s' });
  await using _ = throttle;
  await eventually(async () => {
    await db.superuser.query('update "Big Table" set id = -id');
    expect(reasons.at(-1)).toMatch(/WAL \d+ MB\/s, over 0 MB\/s/);
  });
  expect(throttle.values.walMegabytesPerSecond).toBeTypeOf('number');
});

it('does less when the application answers late, or not at all; says once that one never did', async () => {
  let lateMs = 0;
  let hang = false;
  await using app = await application(async () => {
    await delay(lateMs);
    return { hang };
  });
  const pool = ours();
  const { throttle, reasons } = heeding(
    pool,
    { application: { watch: 'app', times: 2, or_ms: 0 } },
    app.url,
    // p99 of before was 10 ms.
    100,
  );
  await using _ = throttle;
  await eventually(() => expect(throttle.values.applicationP99Ms).toBeTypeOf('number'));
  lateMs = 100;
  await eventually(() => expect(reasons.at(-1)).toMatch(/application p99 [\d.]+× baseline \(\d+ ms\)/));
  hang = true;
  await eventually(() => expect(reasons.at(-1)).toContain('the application does not answer'));
  const dead = heeding(pool, { application: { watch: 'app', times: 2 } });
  await using _dead = dead.throttle;
  await eventually(() => expect(dead.log).toEqual([expect.stringContaining('has not answered yet')]));
  expect(dead.throttle.share).toBe(1);
});

it('holds it against the server when that stops saying how it is', async () => {
  const way = await commitProxy(db.env);
  const pool = poolOf(way.env);
  const { throttle, reasons } = heeding(pool, {});
  await eventually(() => expect(throttle.values.walMegabytesPerSecond).toBeTypeOf('number'));
  await way[Symbol.asyncDispose]();
  await eventually(() => expect(reasons.at(-1)).toContain('the server does not say how it is'));
  await throttle[Symbol.asyncDispose]();
  await pool.end();
});

it('does less while a replica is behind, or is gone', async () => {
  const folder = await makeFolder();
  const primary = await startPostgres({ folder, binaries: process.env.TEST_POSTGRES });
  const superuser = await primary.connect();
  const pool = poolOf(primary.env, { application_name: 'middlewatch test' });
  try {
    await using standby = await standbyOf(primary, folder);
    await superuser.query('create table t (id int); create role lesser login password $$lesser$$');
    const { throttle, reasons } = heeding(pool, { replication_lag: '1s' });
    await using _ = throttle;
    await eventually(() => expect(throttle.values.replicationLagMs).toBe(0));
    // What the server says of the lag stands still together with replay.
    await standby.client.query('select pg_wal_replay_pause()');
    await eventually(async () => {
      await superuser.query('insert into t values (1)');
      expect(reasons.at(-1)).toMatch(/replica reader [1-9]\d* s behind/);
    });
    await standby.client.query('select pg_wal_replay_resume()');
    await eventually(() => expect(throttle.values.replicationLagMs).toBe(0));

    const lesser = poolOf(primary.env, { user: 'lesser', password: 'lesser' });
    const blind = heeding(lesser, {});
    await eventually(() => expect(blind.log).toEqual([expect.stringContaining('pg_monitor')]));
    await blind.throttle[Symbol.asyncDispose]();
    await lesser.end();

    await standby.stop();
    await eventually(() => expect(reasons.at(-1)).toContain('replica reader is not connected any more'));
  } finally {
    await pool.end();
    await superuser.end();
    await primary.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
