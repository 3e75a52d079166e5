import pg from 'pg';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FenceLost } from '../../src/postgres/errors.ts';
import { joinIndexes, partitionTree } from '../../src/postgres/partitioned-index.ts';
import { RehearsedFailure } from '../../src/run/performer.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { actOf, stepOf } from './acting.ts';
import { failingAct, finished, performing } from './performing.ts';

const PARTS = { lists: { tables: ['order', 'note'].map((name) => ({ name, schema: 'public' })) } };
const FILES = { 'index.sql': 'create index concurrently :"index" on :"schema".:"name" (tenant);' };
const STEP = stepOf('index', { tables: 'tables', name: 'idx_{{item.name}}_tenant', file: 'index.sql' });

let db: TestDatabase;
beforeEach(async () => {
  db = await freshDatabase();
  await db.superuser.query(`
    create table "order" (tenant int); create table note (tenant int);
    insert into "order" select n / 2 from generate_series(1, 1000) n;`);
});
afterEach(() => db.drop());

const valid = async (name: string) =>
  (await db.superuser.query('select indisvalid from pg_index where indexrelid = to_regclass($1)', [name])).rows[0]
    ?.indisvalid;

it('builds an index on each table and drops its own again', async () => {
  await db.superuser.query('create index idx_note_tenant on note (tenant)');
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const result = await finished(performer, STEP);
  expect(result.facts).toEqual({ indexes: 2, built: 1 });
  expect(await valid('idx_order_tenant')).toBe(true);
  expect(await performer.verify(STEP, actOf())).toMatchObject({ found: 'done' });
  await performer.undo(STEP, actOf());
  expect(await valid('idx_order_tenant')).toBeUndefined();
  expect(await valid('idx_note_tenant')).toBe(true);
});

it('is not joined while a partition has come that has none', async () => {
  await db.superuser.query(`
    create table split (at int, tenant int) partition by list (at);
    create table low partition of split for values in (0);
    create index idx_low_tenant on low (tenant)`);
  const root = { schema: 'public', name: 'split', index: 'idx_split_tenant' };
  const client = await db.client();
  const whole = async () => ({
    nodes: (await partitionTree(client, root)).map((node) => ({ ...node, index: `idx_${node.name}_tenant` })),
    root,
  });
  const before = await whole();
  await db.superuser.query('create table later partition of split for values in (7)');
  await client.query('begin');
  expect(await joinIndexes(client, before)).toBe(false);
  await client.query('commit; create index idx_later_tenant on later (tenant); begin');
  expect(await joinIndexes(client, await whole())).toBe(true);
  await client.query('commit');
  expect(await valid('idx_split_tenant')).toBe(true);
});

it('builds on each partition, joins what it built into one of the whole, and drops no other', async () => {
  await db.superuser.query(`
    create table split (at int, tenant int) partition by list (at);
    create table low partition of split for values in (0) partition by hash (tenant);
    create table "low one" partition of low for values with (modulus 1, remainder 0);
    create table rest partition of split default`);
  const parts = { lists: { tables: [{ name: 'split', schema: 'public' }] } };
  const missing = `select 1 where not exists (select from pg_index where indrelid = to_regclass(quote_ident(:'name')))`;
  await using performer = await performing(db.env, { parts, files: { ...FILES, 'missing.sql': missing } });
  expect((await finished(performer, STEP)).facts).toEqual({ indexes: 2, built: 2 });
  for (const of of ['split', 'low', 'rest']) expect(await valid(`idx_${of}_tenant`), of).toBe(true);
  await db.superuser.query('create table later partition of split for values in (7)');
  const indexes = async () =>
    (
      await db.superuser.query(
        "select indexrelid::regclass::text as name from pg_index where indrelid::regclass::text ~ 'split|low|rest|later'",
      )
    ).rows.map(({ name }) => name);
  expect(await indexes()).toHaveLength(5);
  await performer.undo(STEP, actOf());
  expect(await indexes()).toEqual([]);

  await db.superuser.query('drop table later; create index its_own on rest (tenant)');
  const needed = stepOf('index', { ...STEP, id: 'needed', needed: 'missing.sql' });
  expect((await finished(performer, needed)).facts).toEqual({ indexes: 1, built: 1 });
  expect(await valid('idx_split_tenant')).toBeUndefined();
  await performer.undo(needed, actOf());
  expect(await indexes()).toEqual(['its_own']);
});

it('builds only what its query finds missing', async () => {
  await db.superuser.query('create index any_name on note (tenant)');
  const missing = `select 1 where not exists (select from pg_index where indrelid = to_regclass(quote_ident(:'name')))`;
  await using performer = await performing(db.env, { parts: PARTS, files: { ...FILES, 'missing.sql': missing } });
  const result = await finished(performer, stepOf('index', { ...STEP, needed: 'missing.sql' }));
  expect(result.facts).toEqual({ indexes: 1, built: 1 });
  expect([await valid('idx_order_tenant'), await valid('idx_note_tenant')]).toEqual([true, undefined]);
});

it('builds anew what a broken-off build left behind, which IF NOT EXISTS would accept (F11)', async () => {
  // A build that fails leaves an invalid index, like one that is killed.
  await expect(
    db.superuser.query('create unique index concurrently idx_order_tenant on "order" (tenant)'),
  ).rejects.toThrow('could not create unique index');
  await db.superuser.query('create index concurrently if not exists idx_order_tenant on "order" (tenant)');
  expect(await valid('idx_order_tenant')).toBe(false);
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  await finished(performer, STEP);
  expect(await valid('idx_order_tenant')).toBe(true);
});

it('waits for the build that a killed conductor left at work on the server, and takes it over', async () => {
  const writer = await db.client();
  await writer.query('begin; insert into "order" values (1)');
  await using first = await performing(db.env, { parts: PARTS, files: FILES });
  const lost = first.perform(STEP, actOf()).catch((error: unknown) => error);
  const builds = async () =>
    (await db.superuser.query('select from pg_stat_progress_create_index where datname = current_database()')).rowCount;
  await eventually(async () => expect(await builds()).toBe(1));

  await using second = await performing(db.env, { parts: PARTS, files: FILES, token: 2 });
  const notes: string[] = [];
  const act = Object.assign(actOf(), { token: 2, pulse: ({ note = '' }) => void notes.push(note) });
  const carriedOn = finished(second, STEP, act);
  await eventually(() =>
    expect(notes).toContainEqual(expect.stringContaining('waiting for a build that is already under way')),
  );
  await writer.query('rollback');
  expect((await carriedOn).facts).toEqual({ indexes: 2, built: 2 });
  expect([await valid('idx_order_tenant'), await valid('idx_note_tenant')]).toEqual([true, true]);
  expect(await lost).toBeInstanceOf(FenceLost);
});

it('is neither built nor dropped by a conductor that has been taken over from', async () => {
  await using first = await performing(db.env, { parts: PARTS, files: FILES });
  await finished(first, STEP);
  await using _ = await performing(db.env, { parts: PARTS, files: FILES, token: 2 });
  await expect(first.undo(STEP, actOf())).rejects.toBeInstanceOf(FenceLost);
  expect(await valid('idx_order_tenant')).toBe(true);
});

it('builds on when nobody can look on any more', async () => {
  const writer = await db.client();
  await writer.query('begin; insert into "order" values (1)');
  const elsewhere = await db.client({ database: 'postgres' });
  const others = `datname = '${db.name}' and pid <> ${(writer as unknown as { processID: number }).processID}`;
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const building = finished(performer, STEP);
  await eventually(async () => {
    const { rowCount } = await elsewhere.query(`select from pg_stat_progress_create_index where ${others}`);
    expect(rowCount).toBe(1);
  });
  await elsewhere.query(`alter database ${db.name} allow_connections false`);
  const turnedAway = vi.spyOn(pg.Pool.prototype, 'query');
  await eventually(async () => {
    await elsewhere.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where ${others} and query !~* '^create index'`,
    );
    const last = turnedAway.mock.results.at(-1)?.value;
    await expect(last).rejects.toThrow();
  });
  await elsewhere.query(`alter database ${db.name} allow_connections true`);
  turnedAway.mockRestore();
  await writer.query('rollback');
  expect((await building).facts).toEqual({ indexes: 2, built: 2 });
});

it('waits for a transaction that is in its way without a short lock_timeout (F11), and can be stopped', async () => {
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const writer = await db.client();
  await writer.query('begin; insert into "order" values (0)');
  const stop = new AbortController();
  const waiting = () =>
    db.superuser.query(
      "select from pg_stat_activity where application_name = 'middlewatch #1 alone test' and wait_event_type = 'Lock'",
    );
  const work = performer.perform(STEP, actOf({ signal: stop.signal }));
  await eventually(async () => expect((await waiting()).rowCount).toBe(1));
  stop.abort(new Error('stop the run'));
  await expect(work).rejects.toThrow('stop the run');
  expect(await valid('idx_order_tenant')).toBe(false);
  await writer.query('commit');
  await finished(performer, STEP);
  expect(await valid('idx_order_tenant')).toBe(true);
});

it('is carried on with, and taken back, from the middle', async () => {
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  await expect(performer.perform(STEP, failingAct())).rejects.toBeInstanceOf(RehearsedFailure);
  expect([await valid('idx_order_tenant'), await valid('idx_note_tenant')]).toEqual([true, undefined]);
  expect(await performer.verify(STEP, actOf())).toEqual({ found: 'not-done' });
  await finished(performer, STEP);
  expect(await valid('idx_note_tenant')).toBe(true);
  await performer.undo(STEP, actOf());
  expect([await valid('idx_order_tenant'), await valid('idx_note_tenant')]).toEqual([undefined, undefined]);
});
