import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { legacyDatabase, type TestDatabase } from '../support/database.ts';
import { type Flagship, of, openFlagship, texts, tried } from './flagship.ts';

/* What depends on the tables besides their own policies, and would be past these or broken by a column more. */

let db: TestDatabase;
let client: pg.Client;
let superuser: pg.PoolClient;
let flagship: Flagship;
beforeAll(async () => {
  db = await legacyDatabase({ rows: 20 });
  client = await db.client();
  superuser = await db.superuser.connect();
  flagship = await openFlagship(db.env);
});
afterAll(async () => {
  superuser?.release();
  await flagship?.close();
  await db?.drop();
});

/** What a query of the pre-checks finds. */
const found = (path: string, vars: Record<string, string>, on: pg.ClientBase = client): Promise<string[]> =>
  texts(on, flagship.sql(path, vars));

test('views and functions through which users get past the policies, and no others', async () => {
  const body = 'begin return (select count(*) from public.clients); end';
  await tried(client, async () => {
    await client.query(`
      create view one as select * from clients; revoke all on one from anon, authenticated;
      create view by_way_of_one as select * from one;
      create view of_whoever_asks with (security_invoker = true) as select * from clients;
      create view by_way_of_that as select * from of_whoever_asks;
      create materialized view copied as select id from of_whoever_asks;
      create view to_write as select * from clients; revoke all on to_write from anon, authenticated;
      grant insert on to_write to authenticated;
      create function by_name() returns bigint language plpgsql security definer as '${body}';
      create function by_its_body() returns bigint language sql security definer begin atomic select count(*) from clients; end;
      create function of_another() returns bigint language plpgsql security definer as '${body.replace('clients', 'clients_old')}';
      create function as_the_caller() returns bigint language plpgsql as '${body}';
      create function not_theirs() returns bigint language plpgsql security definer as '${body}';
      revoke execute on function not_theirs() from public, anon, authenticated`);
    expect((await found('sql/checks/views.sql', of('clients'))).map((row) => row.split(' | ')[0])).toEqual([
      ...['by_its_body()', 'by_name()', 'by_way_of_one', 'copied', 'to_write'],
    ]);
  });
});

test('functions that a column more would break, and no others', async () => {
  await tried(client, async () => {
    await client.query(`
      create table gone as select * from tags;
      create function archive() returns trigger language plpgsql as 'begin insert into gone select (old).*; return old; end';
      create trigger archive before delete on tags for each row execute function archive();
      create function one_by_one() returns setof tags language sql begin atomic select * from tags; end;
      create function columns_of_its_own() returns table (id uuid) language sql as 'select id from tags';
      create function as_many() returns table (id uuid, org_id uuid, name text) language plpgsql as 'begin return query select * from public.tags t; end';
      create function copy() returns void language plpgsql as 'begin insert into gone select * from tags; end';
      create function whole() returns setof tags language sql as 'select * from tags';
      create function as_json() returns trigger language plpgsql as 'begin perform to_jsonb(old); return old; end';
      create trigger as_json before delete on tags for each row execute function as_json();
      create function of_statement() returns trigger language plpgsql as 'begin insert into gone select * from changed; return null; end';
      create trigger of_statement after insert on tags referencing new table as changed for each statement execute function of_statement();
      create function of_any() returns trigger language plpgsql as $$ begin execute 'insert into gone select ($1).*' using old; return old; end $$;
      create trigger of_any before delete on tags for each row execute function of_any();
      create function with_the_gone() returns setof tags language sql as 'select * from tags union all select * from gone';
      create function move() returns void language plpgsql as $$ begin
        with m as (delete from tags returning *) insert into gone (id, org_id, name) select * from m; end $$;
      create function keep(t tags) returns void language plpgsql as 'begin insert into gone select t.*; end';
      create function given_up() returns trigger language plpgsql as 'begin if new is not null then return new; end if; return null; end';
      create trigger given_up before insert on tags for each row execute function given_up();
      create function aliased() returns void language plpgsql as 'begin insert into gone as g (select distinct * from tags); end';
      create function is_there(wanted uuid) returns bool language plpgsql as $$
        declare t tags%rowtype; begin select * into t from tags where id = wanted; return t is not null; end $$`);
    expect((await found('sql/checks/whole-rows.sql', of('tags'))).map((row) => row.split(' | ')[0])).toEqual([
      ...[
        'aliased()',
        'archive()',
        'as_many()',
        'copy()',
        'given_up()',
        'is_there(uuid)',
        'keep(tags)',
        'move()',
        'of_any()',
        'of_statement()',
      ],
      ...['one_by_one()', 'with_the_gone()'],
    ]);
  });
});

test('views and functions of a table whose name and schema have signs in them', async () => {
  const odd = { ...of('in+out $1'), schema: 'CRM (v2)' };
  const named = (table: string) => `begin return query select * from ${table}; end`;
  await tried(client, async () => {
    await client.query(`
      create schema "CRM (v2)"; grant usage on schema "CRM (v2)" to authenticated;
      create table "CRM (v2)"."in+out $1" (id uuid, org_id uuid);
      create function reads_it() returns table (id uuid, org_id uuid) language plpgsql security definer
        as '${named('"CRM (v2)"."in+out $1"')}';
      create function reads_another() returns table (id uuid, org_id uuid) language plpgsql security definer
        as '${named('"CRM v2"."inout $1"')}'`);
    for (const path of ['sql/checks/views.sql', 'sql/checks/whole-rows.sql']) {
      expect(
        (await found(path, odd)).map((row) => row.split(' | ')[0]),
        path,
      ).toEqual(['reads_it()']);
    }
  });
});

test('what users may not do yet, by their policies or rights', async () => {
  const gained = (sql: string) =>
    tried(client, async () => {
      await client.query(`do $$ declare each name; begin
        for each in select polname from pg_policy where polrelid = 'tags'::regclass loop execute format('drop policy %I on tags', each); end loop;
      end $$; ${sql}`);
      return (await found('sql/checks/rights-gained.sql', of('tags'))).join();
    });
  const reads = 'create policy reads on tags for select using (org_id = auth.uid());';
  expect(await gained(reads)).toBe('INSERT, UPDATE, DELETE');
  expect(
    await gained(`${reads} revoke update, delete on tags from authenticated;
    create policy adds on tags for insert to service_role with check (true)`),
  ).toBe('INSERT');
  expect(
    await gained(`create policy everything on tags to authenticated using (org_id = auth.uid());
    create policy never on tags as restrictive for delete using (false)`),
  ).toBe('');
});

test('what subscribers would get that they do not have', async () => {
  // A slot for them needs wal_level = logical, which a rehearsal's server has not: a name before its own stands in.
  const passed = (sql: string) =>
    tried(superuser, async () => {
      await superuser.query(`set local search_path = pg_temp, public, pg_catalog;
        create temp view pg_replication_slots as select 'pgoutput' as plugin, current_database() as database;
        ${sql}`);
      const rows: string[] = [];
      for (const name of ['profiles', 'tags']) {
        rows.push(...(await found('sql/checks/subscribers.sql', of(name), superuser)));
      }
      return rows.map((row) => row.split(' | ')[1]);
    });
  expect(await passed('create publication passes for table tags (id, name), orders')).toEqual([]);
  expect(await passed('create publication passes for table tags')).toEqual(['tenant_id of tags']);
  const inSchema = ['public.tenants', 'tenant_id of profiles', 'tenant_id of tags'];
  expect(await passed('create publication passes for tables in schema public')).toEqual(inSchema);
  expect(await passed('create publication passes for all tables')).toContain('the schema middlewatch');
  await tried(superuser, async () => {
    await superuser.query('create publication passes for all tables');
    expect(await found('sql/checks/subscribers.sql', of('tags'), superuser)).toEqual([]);
  });
});

test('a table that a subscription writes to is refused', async () => {
  await tried(superuser, async () => {
    // One needs a publisher: names before the catalog's own stand in.
    await superuser.query(`set local search_path = pg_temp, public, pg_catalog;
      create temp view pg_subscription_rel as select 'tags'::regclass as srrelid, 7::oid as srsubid;
      create temp view pg_subscription as select 7::oid as oid, 'from_afar' as subname`);
    expect(await found('sql/checks/table.sql', of('tags'), superuser)).toEqual([
      expect.stringContaining('the subscription from_afar writes to it'),
    ]);
    expect(await found('sql/checks/table.sql', of('deals'), superuser)).toEqual([]);
  });
});

test('access is compared for other roles that policies name', async () => {
  const role = `reports_${db.name}`;
  await tried(superuser, async () => {
    await superuser.query(`create role ${role}; grant select on clients to ${role};
      create policy reports on clients for select to ${role} using (true)`);
    const people = await found('sql/policies/people.sql', { ...of('clients'), staff_role: 'admin' }, superuser);
    expect(people.filter((row) => row.startsWith('role '))).toEqual([
      expect.stringContaining(`role ${role} | ${role} |`),
    ]);
  });
});
