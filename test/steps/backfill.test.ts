import { afterEach, beforeEach, expect, it } from 'vitest';
import { RehearsedFailure } from '../../src/run/performer.ts';
import { eventually } from '../support/eventually.ts';
import { actOf, stepOf } from './acting.ts';
import {
  ALL,
  type BackfillDatabase,
  backfillDatabase,
  FIELDS,
  FILES,
  ORPHANS,
  OWNED,
  ownServer,
  PARTS,
  STEP,
} from './backfill-database.ts';
import { failingAct, finished, performing } from './performing.ts';

let db: BackfillDatabase;
beforeEach(async () => {
  db = await backfillDatabase();
});
afterEach(() => db.drop());

it('fills every row once, and names those it has nothing for', async () => {
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const pulses: { done: number; total: number }[] = [];
  const act = Object.assign(actOf(), { pulse: (pulse: { done: number; total: number }) => pulses.push(pulse) });
  const result = await finished(performer, STEP, act);
  expect(result.facts).toMatchObject({ rows: ALL, remaining: ORPHANS, tables: 3 });
  expect(result.exceptions).toEqual([expect.stringContaining(`order: ${ORPHANS} rows`)]);
  expect([await db.filled(), await db.updates()]).toEqual([ALL, ALL]);
  expect(pulses.at(-1)).toMatchObject({ done: ALL, total: ALL, unit: 'rows' });
  expect(await finished(performer, STEP)).toEqual(result);
  expect(await db.updates()).toBe(ALL);
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
  await eventually(async () => expect(await rowsOf(vacuums)).toEqual([{ vacuum_count: 1 }]));
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
  await eventually(() => expect(notes).toContain('paused'));
  // Both workers have come to rest: what is filled no longer changes.
  await eventually(() => expect(notes.filter((note) => note === 'paused').length).toBeGreaterThanOrEqual(2));
  const before = await db.filled();
  expect(before).toBeLessThan(ALL);
  control.paused = false;
  await work;
  expect(await db.filled()).toBe(ALL);
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
  expect([await db.filled(), await db.updates()]).toEqual([ALL, ALL]);
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
  expect(await db.number('select count(*) from split where tenant is null')).toBe(0);
  expect(await db.number('select count(*) from only heir where tenant is null')).toBe(0);
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
  expect(await db.number('select count(*) from split where tenant is null')).toBe(0);
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
  expect(await db.number('select count(*) from split where tenant is null')).toBe(0);
});

it.each([
  ['a table that is not there', '', 'There is no table "public"."odd"'],
  ['a view', 'create view odd as select 1 as id, 1 as tenant', '"public"."odd" is not an ordinary table'],
])('refuses %s before it touches any other', async (_, sql, says) => {
  if (sql !== '') await db.superuser.query(sql);
  const parts = { lists: { tables: [...PARTS.lists.tables, { name: 'odd', schema: 'public' }] } };
  await using performer = await performing(db.env, { parts, files: FILES });
  await expect(performer.perform(STEP, actOf())).rejects.toThrow(says);
  expect(await db.filled()).toBe(0);
});
