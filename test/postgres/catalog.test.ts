import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inventory } from '../../src/postgres/catalog.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
let client: pg.PoolClient;
let before: string[];
const lines = () => inventory(client, ['public', 'app']);

beforeAll(async () => {
  db = await freshDatabase();
  client = await db.superuser.connect();
  await client.query(`
    create schema app;
    create table app.t (id int primary key, name text, at date default now());
    create table app.child (id int references app.t);
    create index i on app.t (name);
    create view app.v as select id from app.t;
    create sequence app.s;
    create type app.mood as enum ('good');
    create domain app.short as text check (length(value) < 9);
    create function app.f() returns trigger language plpgsql as 'begin return null; end';
    create aggregate app.total (int) (sfunc = int4pl, stype = int);
    create trigger tg before update on app.t for each row execute function app.f();
    create policy p on app.t using (true);
    create rule r as on delete to app.child do instead nothing;
    create statistics app.st on id, name from app.t;
    create publication pub for table app.t`);
  await client.query('begin');
  before = await lines();
});
afterAll(async () => {
  client.release(true);
  await db.drop();
});

test.each([
  'alter table app.t add column more int',
  'alter table app.t rename column name to title',
  'alter table app.t alter name type varchar(9)',
  'alter table app.t alter at drop default',
  'alter table app.t alter name set not null',
  'alter table app.t alter name set statistics 7',
  'alter table app.t alter name set storage plain',
  "comment on column app.t.name is 'c'",
  'grant select (name) on app.t to pg_monitor',
  "comment on table app.t is 'c'",
  'alter table app.t set (fillfactor = 80)',
  'alter table app.child set unlogged',
  'alter table app.t replica identity full',
  'alter table app.child inherit app.parent',
  'alter table app.t owner to pg_monitor',
  'grant insert on app.t to public',
  'alter table app.t enable row level security',
  'alter table app.t force row level security',
  'alter table app.child drop constraint child_id_fkey',
  'alter table app.child drop constraint child_id_fkey; alter table app.child add foreign key (id) references app.t not valid',
  "comment on constraint child_id_fkey on app.child is 'c'",
  'drop index app.i',
  "update pg_index set indisvalid = false where indexrelid = 'app.i'::regclass",
  'alter table app.t cluster on i',
  "comment on index app.i is 'c'",
  'drop policy p on app.t',
  'alter policy p on app.t using (id > 0)',
  'alter policy p on app.t with check (id > 0)',
  'alter policy p on app.t to pg_monitor',
  "comment on policy p on app.t is 'c'",
  'alter table app.t disable trigger tg',
  "comment on trigger tg on app.t is 'c'",
  'alter table app.child disable rule r',
  "create or replace function app.f() returns trigger language plpgsql as 'begin return new; end'",
  'alter function app.f() security definer',
  'revoke execute on function app.f() from public',
  "comment on function app.f() is 'c'",
  'drop aggregate app.total (int); create aggregate app.total (int) (sfunc = int4mul, stype = int)',
  'create or replace view app.v as select id from app.t where id > 0',
  'alter view app.v set (security_invoker = true)',
  'alter sequence app.s cache 5',
  'alter sequence app.s owned by app.t.id',
  "alter type app.mood rename value 'good' to 'fine'",
  'revoke usage on type app.mood from public',
  "comment on type app.mood is 'c'",
  'alter domain app.short drop constraint short_check',
  'create type app.pair as (a int)',
  'create type app.span as range (subtype = int)',
  'drop statistics app.st',
  'alter publication pub drop table app.t',
  'alter publication pub set table app.t where (id > 0)',
  'alter publication pub set table app.t (id)',
  'alter publication pub add tables in schema app',
  'alter default privileges in schema app grant select on tables to public',
  "create function app.e() returns event_trigger language plpgsql as 'begin end'; create event trigger e on ddl_command_end execute function app.e()",
  'grant usage on schema app to public',
  'create extension hstore schema app',
])('notices: %s', async (change) => {
  await client.query('savepoint before; create table app.parent (id int)');
  const parent = await lines();
  await client.query(change);
  expect(await lines()).not.toEqual(parent);
  await client.query('rollback to before');
  expect(await lines()).toEqual(before);
});

test('does not mind what changes when a thing is made anew, nor what the program keeps for itself', async () => {
  await client.query(`
    savepoint before;
    alter table app.t add column gone int; alter table app.t drop column gone;
    drop index app.i; create index i on app.t (name);
    analyze app.t;
    create schema middlewatch; create function middlewatch.w() returns trigger language plpgsql as 'begin return null; end';
    create trigger w after insert on app.t execute function middlewatch.w()`);
  expect(await lines()).toEqual(before);
  await client.query('rollback to before');
});
