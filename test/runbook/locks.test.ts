import { readFile } from 'node:fs/promises';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planText } from '../../src/cli/plan-text.ts';
import { lockWarnings } from '../../src/runbook/lock-lines.ts';
import { LOCK_MODES, type Lock } from '../../src/runbook/lock-modes.ts';
import { announce } from '../../src/runbook/locks.ts';
import { parseRunbook, readSources } from '../../src/runbook/sources.ts';
import { render, statements } from '../../src/runbook/sql-file.ts';
import { runbookOf } from '../steps/acting.ts';
import { databaseOf, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';

/* What is announced, held against what PostgreSQL takes. */

const TABLES = `
  create table tenants (id uuid primary key);
  create table orders (id int primary key, tenant_id uuid, note text);
  alter table orders add constraint tenant_fkey foreign key (tenant_id) references tenants not valid;
  create index by_note on orders (note);
  create table parent (id int not null) partition by list (id);
  create table part partition of parent for values in (1);
  create table loose (id int not null);
  create schema "Odd";
  create table "Odd"."Table" (id int);
  create table split (id int not null, tenant_id uuid) partition by list (id);
  create table piece partition of split (constraint tenant_id_fkey foreign key (tenant_id) references tenants) for values in (1);
  create view seen as select id from orders;
  create materialized view kept as select id from orders;
  create unique index kept_id on kept (id);
  create policy mine on orders using (true);
  create function f() returns trigger language plpgsql as 'begin return new; end';
  create trigger t before update on orders for each row execute function f();
  create table loans (tenant_id uuid references tenants);
  create sequence counter;
  alter table tenants owner to postgres; alter table orders owner to postgres; alter table parent owner to postgres;
  alter table part owner to postgres; alter table split owner to postgres; alter table piece owner to postgres; alter table loose owner to postgres; alter table loans owner to postgres; alter table "Odd"."Table" owner to postgres;
  alter schema "Odd" owner to postgres; alter view seen owner to postgres; alter materialized view kept owner to postgres;
  alter function f owner to postgres; alter sequence counter owner to postgres`;

/** Which table is meant where the text of a statement does not name it. */
const MEANT: Record<string, string> = {
  'the table a foreign key refers to': 'tenants',
  'the table a foreign key of it refers to': 'tenants',
  'the tables its foreign keys refer to': 'tenants',
  'the table of by_note': 'orders',
  'the indexes of loose': '',
  'the partitioned tables': 'split',
  'the partitions': 'piece',
  'the table it is run for': 'loans',
  // Of indexes only their tables are looked at.
  by_note: '',
  orders_pkey: '',
};

let db: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  db = await databaseOf(TABLES);
  client = await db.client();
});
afterAll(() => db.drop());

const strength = (mode: string) => (LOCK_MODES as readonly string[]).indexOf(mode);

/** The strongest lock on each table; reading, and what is made by the statement, left out. */
function strongest(locks: { mode: string; on: string }[], made: (string | undefined)[] = []): Record<string, string> {
  const most: Record<string, string> = {};
  for (const { mode, on } of locks) {
    if (mode === 'ACCESS SHARE' || on === '' || made.includes(on)) continue;
    if (strength(mode) > strength(most[on] ?? '')) most[on] = mode;
  }
  return most;
}

/** As pg_locks has it, in the program's words for a mode. To be asked from outside, where dropped tables still have names. */
const TAKEN = `
  select case when nspname = 'public' then '' else quote_ident(nspname) || '.' end || quote_ident(relname) as "on",
         upper(trim(regexp_replace(replace(mode, 'Lock', ''), '([A-Z])', ' \\1', 'g'))) as mode
  from pg_locks join pg_class as class on class.oid = relation join pg_namespace as space on space.oid = relnamespace
  where locktype = 'relation' and nspname in ('public', 'Odd') and pg_locks.pid = $1
    and relkind <> 'i'`;

const announced = (sql: string) => {
  const found = statements(sql).map(announce);
  return strongest(
    found.flatMap(({ locks }) => locks).map(({ mode, on }: Lock) => ({ mode, on: MEANT[on] ?? on })),
    found.map(({ makes }) => makes),
  );
};

/** What the client holds when it has run this in a transaction, which is committed only if told. */
async function taken(sql: string, end: 'commit' | 'rollback'): Promise<Record<string, string>> {
  await client.query('begin');
  try {
    const { rows: self } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    await client.query(sql);
    const { rows } = await db.superuser.query<{ mode: string; on: string }>(TAKEN, [self[0]?.pid]);
    await client.query(end);
    return strongest(rows);
  } finally {
    await client.query('rollback');
  }
}

test.each([
  'alter table orders add column a int',
  'alter table orders add column a uuid references tenants',
  'alter table orders drop column tenant_id',
  'alter table orders alter column note type varchar',
  'alter table orders alter column note set not null',
  'alter table orders enable row level security, validate constraint tenant_fkey',
  'alter table orders alter column note set default 1, alter column note set statistics 5',
  'alter table orders alter column note set statistics 5',
  'alter table orders set (fillfactor = 70)',
  'alter view seen set (security_invoker = true)',
  'alter table orders add constraint more foreign key (tenant_id) references tenants not valid',
  'alter table orders add check (id > 0) not valid',
  'alter table orders add unique (note)',
  'alter table orders validate constraint tenant_fkey',
  'alter table orders drop constraint tenant_fkey',
  'alter table orders disable trigger t',
  'alter table orders enable row level security',
  'alter table orders cluster on by_note',
  'alter table parent attach partition loose for values in (2)',
  'alter table parent detach partition part',
  'alter table orders rename column note to text',
  'alter index orders_pkey rename to first',
  'alter policy mine on orders rename to yours',
  'alter table loose set schema "Odd"',
  'alter table orders owner to postgres',
  'alter sequence counter restart',
  'create index on orders (note)',
  'create policy yours on orders using (true)',
  'alter policy mine on orders using (false)',
  'drop policy mine on orders',
  'create trigger u before update on orders for each row execute function f()',
  'drop trigger t on orders',
  'create rule r as on delete to orders do instead nothing',
  'create table fresh (id int references orders)',
  'create table fresh partition of parent for values in (3)',
  'create table fresh () inherits (loose)',
  'create table fresh as select * from orders',
  'create or replace view seen as select id from orders',
  'drop view seen',
  'drop table loans',
  'drop materialized view kept',
  'drop index by_note',
  'reindex table loose',
  'refresh materialized view kept',
  'refresh materialized view concurrently kept',
  'truncate "Odd"."Table"',
  'lock table orders in share row exclusive mode',
  "comment on table orders is 'x'",
  "comment on column orders.note is 'x'",
  "comment on policy mine on orders is 'x'",
  'create statistics s on id, note from orders',
  'analyze orders',
  'grant select on orders to anon',
  'grant select (id) on orders to anon',
  'insert into orders values (1)',
  'update orders set note = 1 from tenants where false',
  'delete from "Odd"."Table"',
  'merge into orders using loose on orders.id = loose.id when matched then do nothing',
  'with gone as (delete from loose returning *) select * from gone, orders for update of orders',
  'select * from orders as o join tenants as t on true for share of t',
  'create function g() returns int language sql as $$ select 1 $$',
])('%s', async (sql) => {
  expect(await taken(sql, 'rollback')).toEqual(announced(sql));
});

test.each([
  'tables/constraint-of-whole',
  'tables/constraint-of-whole-undo',
  'policies/rights',
  'policies/rights-undo',
  'leftovers/clear-table',
])("%s: the flagship's blocks take what they say", async (file) => {
  const tables = JSON.stringify([{ schema: 'public', name: 'split' }]);
  const text = await readFile(`sql/${file}.sql`, 'utf8');
  const sql = render(text, { tables, schema: 'public', name: 'loans', key: 'tenant_id' });
  expect(await taken(sql, 'commit')).toEqual(announced(sql));
});

// These cannot be in a transaction: what they take is seen by what they wait for.
test.each([
  ['create index concurrently on orders (note)', 'orders'],
  ['drop index concurrently by_note', 'orders'],
  ['reindex table concurrently loose', 'loose'],
  ['vacuum orders', 'orders'],
  ['vacuum (full) orders', 'orders'],
  ['cluster orders using by_note', 'orders'],
  ['alter table parent detach partition part concurrently', 'parent'],
])('%s, alone', async (sql, table) => {
  const holder = await db.client();
  const waiting = await db.client();
  const { rows: self } = await waiting.query<{ pid: number }>('select pg_backend_pid() as pid');
  await holder.query(`begin; lock table ${table} in share update exclusive mode`);
  const refused = waiting.query(sql).catch((error: Error) => error.message);
  const taken = await eventually(async () => {
    const { rows } = await client.query<{ mode: string; on: string }>(`${TAKEN} and not granted`, [self[0]?.pid]);
    expect(rows).toHaveLength(1);
    return rows;
  });
  await client.query('select pg_cancel_backend($1)', [self[0]?.pid]);
  expect(await refused).toMatch(/canceling/);
  await holder.query('rollback');
  expect(taken).toEqual([{ on: table, mode: announced(sql)[table] }]);
});

test('what cannot be told from the text is unknown, and not nothing', async () => {
  const unknown = (sql: string) => announce(statements(sql)[0] ?? { tree: {} }).unknown;
  for (const sql of [
    'do $$ begin end $$',
    "do '-- locks: SOME on t\n begin end'",
    'call p()',
    'drop function f cascade',
    'create extension pgcrypto',
  ])
    expect(unknown(sql), sql).toBeDefined();
  expect(unknown('create publication everything for all tables')).toBeDefined();
  expect(unknown('select 1')).toBeUndefined();
});

/** What is warned of when a step runs this; the file before it makes a table. */
function warned(sql: string): string[] {
  const steps = [{ id: 'it', kind: 'sql', title: 'It', files: ['make.sql', 'it.sql'] }];
  const runbook = runbookOf(
    { timeline: [{ id: 'all', title: 'All', at: '02:00', owner: 'ops', steps }] },
    { 'make.sql': 'create table mine (id int);', 'it.sql': `\n${sql}` },
  );
  return lockWarnings(runbook).map(({ file, line, message }) => `${file}:${line}: ${message}`);
}

test.each([
  [
    'create index on orders (note)',
    /^it\.sql:2: CREATE INDEX: SHARE on orders blocks writes while it builds the index; .*CONCURRENTLY/,
  ],
  [
    'alter table orders alter note type int',
    /ACCESS EXCLUSIVE on orders blocks reads and writes while it writes the whole/,
  ],
  ['alter table orders add a uuid default gen_random_uuid()', /writes the whole table anew; .*batches/],
  ['alter table orders add a serial', /anew/],
  ['alter table orders add a int generated always as (id * 2) stored', /anew/],
  ['alter table orders alter note set not null', /reads the whole table; a CHECK/],
  [
    'alter table orders add foreign key (tenant_id) references tenants',
    /SHARE ROW EXCLUSIVE on orders, tenants .* NOT VALID/,
  ],
  ['alter table orders add check (id > 0)', /NOT VALID/],
  ['alter table orders add primary key (id)', /USING INDEX/],
  ['refresh materialized view kept', /CONCURRENTLY lets readers by/],
  ['cluster orders using by_note', /anew/],
  ["set local lock_timeout = '10min'", /^it\.sql:2: SET lock_timeout: .* everybody else behind/],
  ['set lock_timeout = 0', /SET lock_timeout/],
  ['set lock_timeout to default', /SET lock_timeout/],
])('%s: check warns of it', (sql, words) => {
  expect(warned(sql)).toEqual([expect.stringMatching(words)]);
});

test.each([
  'create index on mine (id); alter table mine alter id set not null',
  'alter table orders add a uuid, add b timestamptz default now(), add c uuid references tenants',
  'alter table orders add foreign key (tenant_id) references tenants not valid',
  'alter table orders validate constraint tenant_fkey',
  'alter table orders add unique using index by_note',
  "set lock_timeout = '500ms'; set lock_timeout = 2000; set work_mem = '1GB'",
  'update orders set note = null',
])('%s: check is content', (sql) => {
  expect(warned(sql)).toEqual([]);
});

test('the flagship: a moment at a time, and told before', async () => {
  const runbook = parseRunbook(await readSources('runbook.yaml'));
  expect(lockWarnings(runbook)).toEqual([]);
  const text = planText(runbook);
  for (const line of [
    'ALTER TABLE … ADD COLUMN: ACCESS EXCLUSIVE on clients, orders and 10 more: blocks reads and writes, for a moment',
    'CREATE POLICY, DROP POLICY: ACCESS EXCLUSIVE on profiles, clients and 11 more: blocks reads and writes, for a moment',
    'DO (as it says itself): ROW EXCLUSIVE on supabase_migrations.schema_migrations: blocks no reads, and writes only',
  ]) {
    expect(text).toContain(`locks ${line}`);
  }
  expect(text).not.toContain('unknown');
});
