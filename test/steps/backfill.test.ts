import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { makeFolder } from '../../src/rehearsal/folder.ts';
import { startPostgres } from '../../src/rehearsal/postgres.ts';
import { RehearsedFailure } from '../../src/run/performer.ts';
import type { TestDatabase } from '../support/database.ts';
import { actOf, stepOf } from './acting.ts';
import { backfillDatabase, createParts, FILES, ORPHANS, OWNED, PARTS } from './backfill-database.ts';
import { commitProxy } from './commit-proxy.ts';
import { failingAct, finished, performing } from './performing.ts';

const FIELDS = {
  tables: 'tables',
  file: 'fill.sql',
  remaining: 'remaining.sql',
  workers: 2,
  pace: 'full',
  batch: { blocks: 8, target: '20ms' },
};
const STEP = stepOf('backfill', FIELDS);
const ALL = 3 * OWNED;

let db: TestDatabase;
beforeEach(async () => {
  db = await backfillDatabase();
});
afterEach(() => db.drop());

/** A server with the tables of the backfill, for what would disturb the others on one, or be disturbed by them. */
async function ownServer() {
  const folder = await makeFolder();
  const server = await startPostgres({ folder, durable: true, binaries: process.env.TEST_POSTGRES });
  const superuser = await server.connect();
  await createParts(superuser);
  return {
    server,
    superuser,
    async [Symbol.asyncDispose]() {
      await superuser.end().catch(() => undefined);
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const number = async (sql: string) => Number((await db.superuser.query({ text: sql, rowMode: 'array' })).rows[0]?.[0]);
const filled = () => number('select (select count(tenant) from "order") + (select count(tenant) from "Big Table")');
const updates = () => number('select count(*) from log');
const counted = () => number("select coalesce(sum(rows_done), 0) from middlewatch.cursor where run = 'test'");

it('fills every row once, and names those it has nothing for', async () => {
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const pulses: { done: number; total: number }[] = [];
  const act = Object.assign(actOf(), { pulse: (pulse: { done: number; total: number }) => pulses.push(pulse) });
  const result = await finished(performer, STEP, act);
  expect(result.facts).toMatchObject({ rows: ALL, remaining: ORPHANS, tables: 3 });
  expect(result.exceptions).toEqual([expect.stringContaining(`order: ${ORPHANS} rows`)]);
  expect([await filled(), await updates()]).toEqual([ALL, ALL]);
  expect(pulses.at(-1)).toMatchObject({ done: ALL, total: ALL, unit: 'rows' });
  expect(await finished(performer, STEP)).toEqual(result);
  expect(await updates()).toBe(ALL);
});

it('slice by slice, leaves most rows in their block: what one slice has left makes room for the next, and a vacuum takes out what is dead', async () => {
  // Somebody's snapshot anywhere on a server, a standby's too, keeps dead rows where they are.
  await using own = await ownServer();
  const rowsOf = async (sql: string) => (await own.superuser.query(sql)).rows;
  const where = 'select id, (ctid::text::point)[0] as block from "Big Table"';
  await rowsOf(`create table were as ${where}`);
  await using performer = await performing(own.server.env, { parts: PARTS, files: FILES });
  const step = { ...STEP, workers: 1, batch: { ...STEP.batch, slices: 12 } };
  expect((await finished(performer, step)).facts).toMatchObject({ rows: ALL, remaining: ORPHANS });
  const moved = await rowsOf(`select id from (${where}) are join were using (id) where are.block <> were.block`);
  expect(moved.length).toBeLessThan(OWNED);
  const vacuums = `select vacuum_count::int from pg_stat_user_tables where relname = 'Big Table'`;
  await vi.waitFor(async () => expect(await rowsOf(vacuums)).toEqual([{ vacuum_count: 1 }]));
});

it('carries on behind the last committed batch after a kill -9', async () => {
  const conductor = execa(
    process.execPath,
    [
      fileURLToPath(new URL('./backfill-conductor.ts', import.meta.url)),
      'test',
      JSON.stringify({ ...FIELDS, batch: { blocks: 2, target: '1ms' } }),
    ],
    { env: db.env, reject: false },
  );
  const begun = () => number("select count(*) from pg_class where relname = 'cursor' and relkind = 'r'");
  await vi.waitFor(async () => expect((await begun()) && (await counted())).toBeGreaterThan(300), { timeout: 30_000 });
  conductor.kill('SIGKILL');
  await conductor;
  await vi.waitFor(async () =>
    expect(
      await number(
        "select count(*) from pg_stat_activity where application_name = 'middlewatch #1 test' and state <> 'idle'",
      ),
    ).toBe(0),
  );
  // What the cursors say is what was committed, no more and no less, and there is work left to carry on with.
  const before = await filled();
  expect(await counted()).toBe(before);
  expect(before).toBeLessThan(ALL);
  await using performer = await performing(db.env, { token: 2, parts: PARTS, files: FILES });
  const result = await finished(performer, STEP, Object.assign(actOf(), { token: 2 }));
  expect(result.facts).toMatchObject({ rows: ALL, remaining: ORPHANS });
  expect([await filled(), await updates()]).toEqual([ALL, ALL]);
});

it('carries on by itself when the server crashes, and loses and repeats no row', async () => {
  await using own = await ownServer();
  const { server, superuser } = own;
  const { rows } = await superuser.query<{ pid: number }>('select pg_backend_pid() as pid');
  await using performer = await performing(server.env, { parts: PARTS, files: FILES });
  let crashed = false;
  const log: string[] = [];
  const act = Object.assign(actOf(), {
    note: async (text: string) => void log.push(text),
    pulse: ({ done }: { done: number }) => {
      if (crashed || done < OWNED) return;
      crashed = true;
      // One session that dies takes all of them with it, and every commit that was not on disk yet.
      process.kill(rows[0]?.pid ?? 0, 'SIGKILL');
    },
  });
  const result = await finished(performer, { ...STEP, batch: { ...STEP.batch, blocks: 4, target: 5 } }, act);
  expect(log).toEqual([expect.stringContaining('lost the connection'), expect.stringContaining('is back')]);
  expect(result.facts).toMatchObject({ rows: ALL, remaining: ORPHANS });
  const after = await server.connect();
  const { rows: counts } = await after.query<{ updates: string; ids: string }>(
    'select count(*) as updates, count(distinct (name, id)) as ids from log',
  );
  await after.end();
  expect(counts).toEqual([{ updates: String(ALL), ids: String(ALL) }]);
});

it('goes by its cursors when the answer to a COMMIT is lost', async () => {
  await using way = await commitProxy(db.env);
  await using performer = await performing(way.env, { parts: PARTS, files: FILES });
  const log: string[] = [];
  let once = true;
  const act = Object.assign(actOf(), {
    note: async (text: string) => void log.push(text),
    pulse: ({ done }: { done: number }) => {
      way.armed ||= once && done > OWNED;
      once = done <= OWNED;
    },
  });
  expect((await finished(performer, STEP, act)).facts).toMatchObject({ rows: ALL, remaining: ORPHANS });
  expect(log[0]).toContain('lost the connection');
  expect([await filled(), await updates()]).toEqual([ALL, ALL]);
});

it('begins a table anew that was rewritten in mid-backfill (F7)', async () => {
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const one = { ...STEP, workers: 1 };
  await expect(performer.perform(one, failingAct())).rejects.toBeInstanceOf(RehearsedFailure);
  const half = await filled();
  expect(half).toBeGreaterThan(0);
  // The largest table is the first. Rewritten in descending order, what is left to do comes where the cursor has been.
  await db.superuser.query('create index backwards on "Big Table" (id desc); cluster "Big Table" using backwards');
  await finished(performer, one);
  expect([await filled(), await updates()]).toEqual([ALL, ALL]);
});

it('sweeps up rows that moved into blocks already passed (F7)', async () => {
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const one = { ...STEP, workers: 1 };
  await expect(performer.perform(one, failingAct())).rejects.toBeInstanceOf(RehearsedFailure);
  const passed = await number(
    "select max(next_block) from middlewatch.cursor where part like '%Big Table%' and lane = 0",
  );
  // Room in the first blocks, and an old client that updates a row further on.
  await db.superuser.query('vacuum "Big Table"');
  await db.superuser.query(`update "Big Table" set padding = repeat('y', 500) where id > ${2 * OWNED - 500}`);
  const moved = await number(
    `select count(*) from "Big Table" where tenant is null and (ctid::text::point)[0] < ${passed}`,
  );
  expect(moved).toBeGreaterThan(0);
  await finished(performer, one);
  expect(await filled()).toBe(ALL);
});

it('lets other conductors commit no batch', async () => {
  await using stale = await performing(db.env, { parts: PARTS, files: FILES });
  await using _ = await performing(db.env, { token: 2, parts: PARTS, files: FILES });
  await expect(stale.perform(STEP, actOf())).rejects.toThrow('taken this run over');
  expect(await filled()).toBe(0);
});

it('stops between batches while it is paused', async () => {
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const control = { paused: false, speed: 1, workers: null };
  const notes: (string | undefined)[] = [];
  let once = true;
  const act = Object.assign(actOf(), {
    control,
    pulse: ({ done, note }: { done: number; note?: string }) => {
      notes.push(note);
      if (done > 0 && once) {
        control.paused = true;
        once = false;
      }
    },
  });
  const work = performer.perform(STEP, act);
  await vi.waitFor(() => expect(notes).toContain('paused'));
  // Both workers have come to rest: what is filled no longer changes.
  await vi.waitFor(() => expect(notes.filter((note) => note === 'paused').length).toBeGreaterThanOrEqual(2));
  const before = await filled();
  expect(before).toBeLessThan(ALL);
  control.paused = false;
  await work;
  expect(await filled()).toBe(ALL);
});

it('has as many workers as the operator asks for, from the next batch on', async () => {
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const control = { paused: false, speed: 1, workers: null as number | null };
  const notes: string[] = [];
  const act = Object.assign(actOf(), {
    control,
    pulse: ({ done, note }: { done: number; note: string }) => {
      notes.push(note);
      if (done > 0 && control.workers === null) control.workers = 5;
      if (note.startsWith('5 workers')) control.workers = 1;
    },
  });
  await performer.perform({ ...STEP, batch: { ...STEP.batch, blocks: 6, target: 6 } }, act);
  const seen = notes.map((note) => note.split(' · ')[0]);
  expect(seen.filter((each, i) => each !== seen[i - 1])).toEqual(['2 workers', '5 workers', '1 worker']);
  expect([await filled(), await updates()]).toEqual([ALL, ALL]);
});

it('does less beside a strained server, says so, and heeds the operator who wants more all the same', async () => {
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  // As slow as can be until the strain has been seen, told and sampled, however fast the machine.
  const control = { paused: false, speed: 1 / 500, workers: null };
  const notes: string[] = [];
  const log: string[] = [];
  const shares: number[] = [];
  const act = Object.assign(actOf(), {
    control,
    note: async (text: string) => void log.push(text),
    sample: async ({ sharePercent = 100 }: Record<string, number>) => void shares.push(sharePercent),
    pulse: ({ note }: { note: string }) => {
      notes.push(note);
      if (note.includes('slowed') && shares.some((share) => share < 100)) control.speed = 8;
    },
  });
  // Any WAL at all is too much.
  const slow = stepOf('backfill', { ...FIELDS, pace: 'gentle', slow_down: { wal: '0kB/s' }, batch: { blocks: 1 } });
  expect((await finished(performer, slow, act)).facts).toMatchObject({ rows: ALL });
  expect(notes).toContainEqual(expect.stringMatching(/^2 workers · .* · slowed to \d+%: WAL \d+ MB\/s, over 0 MB\/s$/));
  expect(log).toContainEqual(expect.stringMatching(/^slowed to/));
  expect(shares.some((share) => share < 100)).toBe(true);
});

it('goes through a partitioned table partition by partition, and through tables without a key or with heirs', async () => {
  await db.superuser.query(`
    create schema "Part";
    create table split (at int, owner int, tenant int) partition by range (at);
    create table "Part".low partition of split for values from (0) to (100);
    create table high partition of split for values from (100) to (1000) partition by list (owner);
    create table "high one" partition of high for values in (1);
    create table high_rest partition of high default;
    create table nothing (tenant int) partition by range (tenant);
    create table heir () inherits ("order");
    insert into split select n % 200, n % 100 + 1 from generate_series(1, 2000) n;
    insert into heir (id, owner) select n, n % 100 + 1 from generate_series(1, 20000) n;`);
  const tables = ['order', 'split', 'nothing'].map((name) => ({ name, schema: 'public' }));
  await using performer = await performing(db.env, { parts: { lists: { tables } }, files: FILES });
  const result = await finished(performer, STEP);
  expect(result.facts).toMatchObject({ rows: OWNED + 20_000 + 2_000, remaining: ORPHANS });
  expect(await number('select count(*) from split where tenant is null')).toBe(0);
  expect(await number('select count(*) from only heir where tenant is null')).toBe(0);
  const [evidence] = result.evidence ?? [];
  const names = evidence?.kind === 'rows' ? evidence.rows.map(([name]) => name) : [];
  expect(names.toSorted()).toEqual(['Part.low', 'high one', 'high_rest', 'order']);
});

it('carries on without a partition that was dropped meanwhile', async () => {
  await db.superuser.query(`
    create table split (at int, owner int, tenant int) partition by range (at);
    create table new partition of split for values from (100) to (200);
    create table old partition of split for values from (0) to (100);
    insert into split select n % 150, n % 100 + 1 from generate_series(1, 20000) n`);
  // A partition that is listed beside its table is gone through once.
  const tables = ['split', 'new'].map((name) => ({ name, schema: 'public' }));
  await using performer = await performing(db.env, { parts: { lists: { tables } }, files: FILES });
  const small = { ...STEP, batch: { ...STEP.batch, blocks: 1, target: 1 } };
  await expect(performer.perform(small, failingAct())).rejects.toBeInstanceOf(RehearsedFailure);
  await db.superuser.query('drop table old');
  expect((await finished(performer, small)).facts).toMatchObject({ remaining: 0, tables: 1 });
  expect(await number('select count(*) from split where tenant is null')).toBe(0);
});

it('goes through a partition that was attached meanwhile', async () => {
  await db.superuser.query(`
    create table split (at int, owner int, tenant int) partition by range (at);
    create table old partition of split for values from (0) to (100);
    create table new (like split);
    insert into split select n % 100, n % 100 + 1 from generate_series(1, 20000) n;
    insert into new select 100, n % 100 + 1 from generate_series(1, 2000) n`);
  await using performer = await performing(db.env, {
    parts: { lists: { tables: [{ name: 'split', schema: 'public' }] } },
    files: FILES,
  });
  const control = { paused: false, speed: 1, workers: null };
  let attaching: Promise<unknown> | undefined;
  const act = Object.assign(actOf(), {
    control,
    pulse: ({ done }: { done: number }) => {
      if (done === 0 || attaching !== undefined) return;
      control.paused = true;
      attaching = db.superuser
        .query('alter table split attach partition new for values from (100) to (200)')
        .then(() => {
          control.paused = false;
        });
    },
  });
  const result = await finished(performer, { ...STEP, batch: { ...STEP.batch, blocks: 4, target: 1 } }, act);
  await attaching;
  expect(result.facts).toMatchObject({ rows: 22_000, remaining: 0, tables: 2 });
  expect(await number('select count(*) from split where tenant is null')).toBe(0);
});

it.each([
  ['a table that is not there', '', 'There is no table "public"."odd"'],
  ['a view', 'create view odd as select 1 as id, 1 as tenant', '"public"."odd" is not an ordinary table'],
])('refuses %s before it touches any other', async (_, sql, says) => {
  if (sql !== '') await db.superuser.query(sql);
  const parts = { lists: { tables: [...PARTS.lists.tables, { name: 'odd', schema: 'public' }] } };
  await using performer = await performing(db.env, { parts, files: FILES });
  await expect(performer.perform(STEP, actOf())).rejects.toThrow(says);
  expect(await filled()).toBe(0);
});
