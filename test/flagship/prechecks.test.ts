import type pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ExpectationFailed } from '../../src/steps/kind.ts';
import { legacyDatabase, type TestDatabase } from '../support/database.ts';
import { type Flagship, of, openFlagship, tried, value } from './flagship.ts';

/* What would end badly is found before anything is changed, and what cannot be seen is not taken for nothing. */

let db: TestDatabase;
let client: pg.Client;
let superuser: pg.PoolClient;
let flagship: Flagship;
beforeAll(async () => {
  db = await legacyDatabase({ rows: 2_000 });
  client = await db.client();
  superuser = await db.superuser.connect();
  flagship = await openFlagship(db.env, { 'unexpected-policies': 'drop' });
});
afterEach(async () => {
  await superuser.query('rollback');
});
afterAll(async () => {
  superuser?.release();
  await flagship?.close();
  await db?.drop();
});

/** Nothing is too old or too far behind, or everything is. */
const PATIENT = { snapshot_age: '10 minutes', slot_behind: '1GB', xid_age: '1000000000' };
const STRICT = { snapshot_age: '0', slot_behind: '0', xid_age: '-1' };

/** What a query of the pre-checks finds, its rows as one text each. */
async function found(path: string, vars: Record<string, string> = {}, on: pg.ClientBase = client): Promise<string[]> {
  const { rows } = await on.query({ text: flagship.sql(path, vars), rowMode: 'array' });
  return rows.map((row: unknown[]) => row.join(' | '));
}

/** What somebody who may not look at others finds. */
async function blindly(path: string, vars: Record<string, string>): Promise<string[]> {
  return tried(client, async () => {
    await client.query('set local role authenticated');
    return found(path, vars);
  });
}

test('where all is well, all pass, and nobody is asked', async () => {
  await flagship.perform('abilities', 'server', 'at-work', 'migratable');
  for (const asks of ['event-triggers', 'whole-rows', 'subscribers', 'rights-gained']) {
    expect((await flagship.perform(asks)).evidence, asks).toMatchObject([{ rows: [] }]);
  }
});

test('sessions and transactions that hold what is dead', async () => {
  const [reader, writer] = [await db.client({ application_name: 'nightly report' }), await db.client()];
  await reader.query('begin isolation level repeatable read; select from clients limit 1');
  await writer.query("begin; insert into tags (org_id, name) select org_id, 'kept' from tags limit 1");
  await writer.query(`prepare transaction '${db.name}'`);
  try {
    const seen = await found('sql/checks/server.sql', { ...PATIENT, snapshot_age: '0' });
    expect(seen).toContainEqual(
      expect.stringMatching(/^an old snapshot \| client backend \d+ \(postgres, nightly report\)/),
    );
    expect(seen).toContainEqual(expect.stringContaining(`a prepared transaction | ${db.name} of postgres`));
    expect(await blindly('sql/checks/server.sql', PATIENT)).toContainEqual(
      expect.stringMatching(/^cannot tell \| \d+ sessions/),
    );
  } finally {
    await writer.query(`rollback prepared '${db.name}'`);
    await reader.query('rollback');
  }
});

test('slots that keep WAL, and transaction ids that run out', async () => {
  expect(await found('sql/checks/server.sql', PATIENT)).toEqual([]);
  await client.query('select pg_create_physical_replication_slot($1, true)', [db.name]);
  try {
    await client.query('create table written as select generate_series(1, 1000)');
    const seen = await found('sql/checks/server.sql', STRICT);
    expect(seen).toContainEqual(expect.stringContaining(`a replication slot that is behind | ${db.name}, not in use`));
    expect(seen).toContainEqual(expect.stringMatching(/^transaction ids run out/));
  } finally {
    await client.query('drop table written');
    await client.query('select pg_drop_replication_slot($1)', [db.name]);
  }
});

test('what is set for a table', async () => {
  await superuser.query(
    'begin; alter table tags set (autovacuum_enabled = off); alter table profiles disable trigger all',
  );
  const set = async (table: string) => (await found('sql/checks/at-work.sql', of(table), superuser)).join();
  expect(await set('tags')).toMatch(/^autovacuum is off for it \|[^,]*$/);
  expect(await set('profiles')).toMatch(/^a foreign key that is not kept \| the triggers of profiles_id_fkey/);
  expect(await set('deals')).toBe('');
});

test('what is under way on a table', async () => {
  const [holder, builder] = [await db.client(), await db.client()];
  await holder.query('begin; update tags set name = name');
  const building = builder.query('create index concurrently under_way on tags (name)');
  try {
    await expect
      .poll(() => found('sql/checks/at-work.sql', of('tags')))
      .toEqual([expect.stringMatching(/^at work \| CREATE INDEX CONCURRENTLY, waiting/)]);
    expect(await blindly('sql/checks/at-work.sql', of('deals'))).toEqual([expect.stringMatching(/^cannot tell/)]);
  } finally {
    await holder.query('rollback');
    await building;
    await client.query('drop index under_way');
  }
});

test('triggers that would have the last word about a row, after those that give it its tenant', async () => {
  const against = () => found('sql/checks/table.sql', of('tags'));
  await tried(client, async () => {
    await client.query(`
      create function give_owner() returns trigger language plpgsql as
        'begin new.org_id := coalesce(new.org_id, auth.uid()); return new; end';
      create trigger zzy_early before insert or update on tags for each row execute function give_owner();
      create trigger zzzz_after after insert or update on tags for each row execute function give_owner()`);
    expect(await against()).toEqual([]);
    for (const event of ['insert', 'update']) {
      await client.query(
        `create trigger zzzz_late_${event} before ${event} on tags for each row execute function give_owner()`,
      );
    }
    expect((await against()).sort()).toEqual([
      expect.stringContaining('its trigger zzzz_late_insert comes, by name, after'),
      expect.stringContaining('its trigger zzzz_late_update comes, by name, after'),
    ]);
  });
});

test('event triggers that our statements fire, and no others', async () => {
  await superuser.query(`
    create function watch_ddl() returns event_trigger language plpgsql as 'begin end';
    create event trigger ours on ddl_command_end execute function watch_ddl();
    create event trigger others on ddl_command_end when tag in ('CREATE EXTENSION') execute function watch_ddl()`);
  try {
    const { evidence } = await flagship.perform('event-triggers');
    const [shown] = evidence ?? [];
    expect(shown?.kind === 'rows' && shown.rows.map(([name]) => name)).toEqual(['ours']);
  } finally {
    await superuser.query('drop event trigger ours; drop event trigger others; drop function watch_ddl()');
  }
});

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
  await superuser.query('begin; create publication passes for all tables');
  expect(await found('sql/checks/subscribers.sql', of('tags'), superuser)).toEqual([]);
});

test('settings that would keep triggers from firing, and people that a crash would lose', async () => {
  await superuser.query(`begin; set local session_replication_role = replica;
    update pg_class set relpersistence = 'u' where oid = 'profiles'::regclass`);
  expect(
    (await found('sql/checks/abilities.sql', { label: 'name' }, superuser)).map((row) => row.split(' | ')[0]),
  ).toEqual(['triggers that fire', 'public.profiles as a table that outlives a crash']);
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
      create trigger as_json before delete on tags for each row execute function as_json()`);
    expect((await found('sql/checks/whole-rows.sql', of('tags'))).map((row) => row.split(' | ')[0])).toEqual([
      ...['archive()', 'as_many()', 'copy()', 'one_by_one()'],
    ]);
  });
});

test('room: what is estimated covers what is taken, is shown, and is refused when it is not there', async () => {
  const items = flagship.runbook.document.lists.secured ?? [];
  const estimate = async (free: string) => {
    const { rows } = await client.query({
      text: flagship.sql('sql/checks/room.sql', { tables: JSON.stringify(items), free }),
      rowMode: 'array',
    });
    return rows[0] as string[];
  };
  expect((await estimate(''))[0]).toBe('cannot tell');
  expect(Number((await estimate('1kB'))[0])).toBeGreaterThan(0);
  const { evidence, summary } = await flagship.perform('room');
  expect(summary).toBe('0, as expected');
  expect(evidence).toHaveLength(1);

  const size = () =>
    value(
      client,
      "select sum(pg_total_relation_size(oid))::bigint from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'",
    );
  const [, versions = '', entries = '', index = ''] = await estimate('1GB');
  const inAll = await value(client, 'select pg_size_bytes($1) + pg_size_bytes($2) + pg_size_bytes($3)', [
    versions,
    entries,
    index,
  ]);
  const before = Number(await size());
  await flagship.perform('create-tenants', 'fill-tenants', 'backfill-profiles', 'profiles-index');
  await flagship.perform('row-triggers', 'add-column', 'backfill-tables', 'indexes');
  const taken = Number(await size()) - before;
  expect(taken).toBeGreaterThan(0);
  expect(taken).toBeLessThanOrEqual(Number(inAll));
  await flagship.undo();
});

test('what stands in the way of clearing what an earlier attempt left', async () => {
  await superuser.query(`begin; alter table tags add tenant_id uuid; create index on tags (tenant_id);
    create policy "in the plan's words" on tags for select using (tenant_id is not null);
    create view tenants_tags as select tenant_id from tags`);
  const left = await found('sql/checks/leftovers.sql', of('tags'), superuser);
  expect(left.map((each) => each.split(' | ').slice(0, 2).join())).toEqual([
    'column,tenant_id',
    "in the way,policy in the plan's words on table tags",
    'in the way,rule _RETURN on view tenants_tags',
  ]);
  const clear = flagship.sql('sql/leftovers/clear-table.sql', of('tags'));
  await expect(superuser.query(clear)).rejects.toThrow(/in the plan's words/);
});

test('what has the name of a leftover and is none stays', async () => {
  await superuser.query(`begin; alter table tags add tenant_id bigint generated always as identity, add tenant text;
    create index idx_tags_by_tenant on tags (tenant); create index idx_tags_tenant on tags (tenant)`);
  const left = await found('sql/checks/leftovers.sql', of('tags'), superuser);
  expect(left.map((each) => each.split(' | ').slice(0, 2).join())).toEqual([
    'in the way,column tenant_id of type bigint',
    'index,idx_tags_tenant',
  ]);
  const clear = flagship.sql('sql/leftovers/clear-table.sql', of('tags'));
  await expect(superuser.query(clear)).rejects.toThrow(/tags\.tenant_id is not what an earlier attempt .* type bigint/);
});

test('a refusal shows what was found, and what to do', async () => {
  await client.query('alter table tags set (autovacuum_enabled = off)');
  const failure = await flagship.perform('at-work').catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ExpectationFailed);
  const [shown] = (failure as ExpectationFailed).evidence;
  expect(shown?.kind === 'rows' && shown.columns).toEqual(['of', 'problem', 'found', 'what to do']);
});
