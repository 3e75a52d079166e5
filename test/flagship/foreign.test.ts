import { readFile } from 'node:fs/promises';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inventory } from '../../src/postgres/catalog.ts';
import { qualified, tableOf } from '../../src/postgres/tables.ts';
import type { Runbook } from '../../src/runbook/plan.ts';
import type { Item } from '../../src/runbook/schema.ts';
import { databaseOf, type TestDatabase } from '../support/database.ts';
import {
  editedRunbook,
  everything,
  type Flagship,
  openFlagship,
  PROFILES,
  refusal,
  signIn,
  tried,
  value,
} from './flagship.ts';

/*
 * The flagship on a legacy database that was not made here: reserved words and mixed case, another schema with a table of
 * the same name, keys of two
 * columns and none, a generated column, columns named like what statements call a table, FORCE ROW LEVEL SECURITY, policies of every kind, what an earlier attempt left.
 */

const TABLES: Item[] = [
  { name: 'order', schema: 'public', owner: 'org_id', key: 'id' },
  { name: 'user', schema: 'public', owner: 'owner', key: 'id' },
  { name: 'Group', schema: 'public', owner: 'Owner Id', key: 'Id' },
  { name: 'line_items', schema: 'public', owner: 'org_id', key: 'code' },
  { name: 'Log entries', schema: 'public', owner: 'org_id', key: 'at' },
  { name: 'contacts', schema: 'crm', owner: 'org_id', key: 'id' },
  { name: 'contacts', schema: 'public', owner: 'org_id', key: 'id' },
  { name: 'Events', schema: 'public', owner: 'org_id', key: 'id' },
  { name: 'wishes', schema: 'public', owner: 'org_id', key: 'id' },
];
const ALL = [PROFILES, ...TABLES];
const CHOICES = { leftovers: 'clear', 'unexpected-policies': 'drop', orphans: 'leave' };

const PRE_CHECKS = ['abilities', 'nothing-left', 'migratable', 'updatable', 'unexpected-policies', 'access-kept'];
const MIGRATION = [
  ...['catalog-before', 'rows-before', 'statements-baseline', 'samples'],
  ...['create-tenants', 'fill-tenants', 'tenants-match-users', 'users-own-a-tenant'],
  ...['backfill-profiles', 'profiles-constraint', 'profiles-validate', 'profiles-index', 'profiles-complete'],
  ...[
    'row-triggers',
    'add-column',
    'backfill-tables',
    'constraint',
    'validate',
    'constraint-of-whole',
    'indexes',
    'progress',
  ],
  ...['finish-backfill', 'finish-backfill-function', 'access-ends'],
  ...[
    'revoke-rights',
    'replace-policies',
    'users-complete',
    'rows-complete',
    'policies-complete',
    'isolation',
    'rows-after',
  ],
];

let db: TestDatabase;
let client: pg.Client;
let runbook: Runbook;
let flagship: Flagship;
let before: { catalog: string[]; rows: unknown };

beforeAll(async () => {
  db = await databaseOf(await readFile(new URL('./foreign.sql', import.meta.url), 'utf8'));
  client = await db.client();
  runbook = await editedRunbook(TABLES, 'Full Name');
  flagship = await openFlagship(db.env, CHOICES, runbook);
});
afterAll(async () => {
  await flagship?.close();
  await db?.drop();
});

test('what an earlier attempt left is shown, and goes when that is decided', async () => {
  const { evidence } = await flagship.perform('leftovers');
  const [shown] = evidence ?? [];
  expect(shown?.kind === 'rows' && shown.rows).toEqual([
    ['profiles', 'column', 'tenant_id', '4 rows filled'],
    ['profiles', 'table', 'public.tenants', ''],
    ['order', 'column', 'tenant_id', '99 rows filled'],
    ['order', 'index', 'idx_order_tenant', 'invalid'],
  ]);
  // One more row is filled in, committed when the ids have been read and the column is about to go.
  const writer = await db.client();
  await writer.query('begin; update "order" set tenant_id = gen_random_uuid() where id = 500');
  const clearing = flagship.perform('clear-table', 'clear-tenants', ...PRE_CHECKS);
  const waits = `select count(*)::int from pg_locks where relation = '"order"'::regclass and not granted`;
  await expect.poll(() => value(client, waits)).toBe(1);
  await writer.query('commit');
  await clearing;
  expect(await value(client, 'select count(*)::int from middlewatch.leftover')).toBe(4 + 99 + 1 + 4);
  const { exceptions = [] } = await flagship.perform('measure-baseline');
  expect(exceptions.filter((each) => each.includes('.user.'))).toEqual([]);
  before = await everything(client, ALL);
});

test("every row comes into its owner's tenant, and nobody reaches another's", async () => {
  await flagship.perform(...MIGRATION);
  const cells = (1 + TABLES.length) * 5 * 4;
  expect((await flagship.perform('isolation')).facts).toMatchObject({ cells, proved: cells });
  expect((await everything(client, ALL)).rows).toEqual(before.rows);
  expect(await value(client, 'select count(distinct tenant_id)::int from profiles')).toBe(12);
  const [sampled] = (await flagship.perform('spot-check')).evidence ?? [];
  const changed = sampled?.kind === 'rows' ? sampled.rows.map(([, , what]) => what) : [];
  expect(new Set(changed)).toEqual(new Set(['nothing']));
  const [ada] = (await client.query<{ id: string }>('select id from profiles order by id desc limit 1')).rows;
  for (const item of TABLES) {
    const table = qualified(tableOf(item));
    const owner = `"${item.owner}"`;
    const astray = `select count(*)::int from ${table} t left join profiles p on p.id = t.${owner} where t.tenant_id is distinct from p.tenant_id`;
    expect(await value(client, astray), table).toBe(0);
    const theirs = await value(client, `select count(*)::int from ${table} where ${owner} = $1`, [ada?.id]);
    await tried(client, async () => {
      await signIn(client, ada?.id ?? '');
      expect(await value(client, `select count(*)::int from ${table}`), table).toBe(theirs);
    });
  }
  await tried(client, async () => {
    await signIn(client, ada?.id ?? '');
    const raw = `insert into "Log entries" (org_id, raw) values ($1, '{"kept as it came": "\\u0000"}')`;
    expect(await refusal(client, raw, [ada?.id])).toBeUndefined();
  });
});

test('a partition is held to the row level security of the whole, and one that users reach past it is a leak', async () => {
  const [ada, bob] = (await client.query<{ id: string; tenant_id: string }>('select id, tenant_id from profiles')).rows;
  await client.query('alter table crm.events_2025 disable row level security');
  for (const table of ['"Events"', 'crm.events_2025']) {
    await tried(client, async () => {
      await client.query('create policy lenient on "Events" using (true) with check (true)');
      await signIn(client, ada?.id ?? '');
      const take = `update ${table} set tenant_id = $1 where org_id = $2 and created_at between '2025-01-01' and '2025-12-31'`;
      expect(await refusal(client, take, [bob?.tenant_id, ada?.id]), table).toBe('42501');
    });
  }
  const { evidence } = await flagship.perform('views');
  const [shown] = evidence ?? [];
  expect(shown?.kind === 'rows' && shown.rows).toContainEqual(
    expect.arrayContaining(['crm.events_2025', 'partition without row level security', 'anon, authenticated']),
  );
  await expect(flagship.perform('isolation')).rejects.toThrow(/past-policies/);
  await client.query('alter table crm.events_2025 enable row level security');
});

test('the way back leads to what was there before, and on again', async () => {
  await flagship.undo();
  await flagship.perform('catalog-as-before', 'rows-as-before');
  expect(await everything(client, ALL)).toEqual(before);
  const again = await openFlagship(db.env, CHOICES, runbook);
  await again
    .perform(...PRE_CHECKS, ...MIGRATION)
    .then(() => again.undo())
    .finally(again.close);
  expect(await everything(client, ALL)).toEqual(before);
});

test.each([
  [
    'a policy that only goes by its decision, and takes with it what no new one gives',
    'alter policy leave on profiles using (id = auth.uid() and "Full Name" is null)',
    /user \w{8} could no longer delete rows of public.profiles \(own: 1\)/,
  ],
  [
    'a policy that stays and has the name of a new one',
    'alter policy leave on profiles using (auth.uid() = id); alter policy leave on profiles rename to "Users can update their own"',
    /"Users can update their own" of public.profiles stays/,
  ],
  [
    'a trigger that refuses',
    `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'closed for good'; end $$;
     create trigger refuse before update on wishes for each row execute function refuse();
     insert into wishes (wish, stage, in_order, price, granted, on_day, words, more, period)
       select 'all', 'won', id, 1, true, now(), '{}', '{}', 'empty' from "order" limit 1`,
    /could not update wishes: closed for good/,
  ],
  [
    'a trigger that swallows',
    'alter function refuse() rename to swallow; create or replace function swallow() returns trigger language plpgsql as $$ begin return null; end $$',
    /: an update did not reach a row of wishes/,
  ],
  [
    'a trigger that adds rows to another table of the lists',
    `create or replace function swallow() returns trigger language plpgsql as $$
       begin insert into contacts (org_id) values (old.org_id); return new; end $$`,
    /could not update wishes: its triggers add or remove rows .*: 1 of contacts/,
  ],
  [
    'a trigger that refuses some row far behind',
    `drop trigger refuse on wishes;
     cluster "order" using order_pkey; -- So that its blocks are few, and all are tried.
     create or replace function swallow() returns trigger language plpgsql as $$ begin raise exception 'paid'; end $$;
     create trigger refuse before update on "order" for each row when (old.id = 599) execute function swallow()`,
    /could not update "order": paid/,
  ],
  [
    'a constraint that was never validated, and a row that breaks it',
    'drop trigger refuse on "order"; alter table "order" add constraint cheap check (amount <> 599) not valid',
    /order: 1 row, expected none/,
  ],
  [
    'whole rows of another table in a column',
    `alter table "order" drop constraint cheap; create type seen as (at date, them contacts[]);
     create domain last_seen as seen; alter table wishes add column seen last_seen`,
    /wishes: 1 row, expected none/,
  ],
  [
    'no partitions',
    'drop table wishes; drop type seen cascade; create table wishes (id uuid, org_id uuid) partition by list (id); alter table wishes enable row level security',
    /wishes: 1 row, expected none/,
  ],
  [
    'a partition elsewhere',
    `create foreign table far partition of wishes for values in ('00000000-0000-4000-8000-000000000001') server elsewhere`,
    /wishes: 1 row, expected none/,
  ],
  [
    'heirs',
    'drop table wishes; create table wishes (id uuid, org_id uuid); create table more () inherits (wishes); alter table wishes enable row level security',
    /wishes: 1 row, expected none/,
  ],
  [
    'a type of its own',
    'drop table wishes cascade; create type wish as (id uuid, org_id uuid); create table wishes of wish; alter table wishes enable row level security',
    /wishes: 1 row, expected none/,
  ],
  [
    'an owner that is worked out',
    'alter table wishes not of; alter table wishes drop org_id, add org_id uuid generated always as (id) stored',
    /wishes: 1 row, expected none/,
  ],
  [
    'columns granted one by one',
    'alter table wishes drop org_id, add org_id uuid; revoke all on wishes from authenticated; grant select (id, org_id) on wishes to authenticated',
    /wishes: 1 row, expected none/,
  ],
  [
    'names that are taken',
    `grant select on wishes to authenticated; alter table wishes add constraint tenant_id_fkey check (true);
     create table moved (id uuid); create index idx_wishes_tenant on moved (id)`,
    /wishes: 2 rows, expected none/,
  ],
  ["the name of the tenants' index, taken", 'create index idx_tenants_owner on moved (id)', /1 row, expected none/],
  [
    'profiles that nothing can refer to',
    'alter table profiles drop constraint profiles_pkey cascade; alter table profiles add primary key (id, updated_at)',
    /2 rows, expected none/,
  ],
])('%s: said before anything is changed', async (_, sql, words) => {
  await client.query(sql);
  const there = await tried(client, () => inventory(client as pg.PoolClient, ['public', 'crm']));
  const doomed = await openFlagship(db.env, CHOICES, runbook);
  await expect(doomed.perform(...PRE_CHECKS).finally(doomed.close)).rejects.toThrow(words);
  expect(await tried(client, () => inventory(client as pg.PoolClient, ['public', 'crm']))).toEqual(there);
});
