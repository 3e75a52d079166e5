import type pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ExpectationFailed } from '../../src/steps/kind.ts';
import { legacyDatabase, type TestDatabase } from '../support/database.ts';
import { type Flagship, of, openFlagship, texts, tried, value } from './flagship.ts';

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

/** What a query of the pre-checks finds. */
const found = (path: string, vars: Record<string, string> = {}, on: pg.ClientBase = client): Promise<string[]> =>
  texts(on, flagship.sql(path, vars));

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

test('users who may make functions where ours are looked for', async () => {
  await superuser.query('begin; grant create on schema public to authenticated');
  expect((await found('sql/checks/server.sql', PATIENT, superuser)).join()).toMatch(
    /^users may make functions \| authenticated may create in the schema public/,
  );
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

test('settings that would keep triggers from firing, and people that a crash would lose', async () => {
  await superuser.query(`begin; set local session_replication_role = replica;
    update pg_class set relpersistence = 'u' where oid = 'profiles'::regclass`);
  expect(
    (await found('sql/checks/abilities.sql', { label: 'name' }, superuser)).map((row) => row.split(' | ')[0]),
  ).toEqual(['triggers that fire', 'public.profiles as a table that outlives a crash']);
});

test('triggers that refuse or swallow a change of some rows, and functions that copy whole ones', async () => {
  const refused = (trigger: string) =>
    tried(client, async () => {
      await client.query(`create table gone as select * from tags; alter table tags add posted bool not null default false;
        update tags set posted = true where id = (select max(id::text)::uuid from tags); ${trigger}`);
      const vars = { ...of('tags'), tables: JSON.stringify([{ schema: 'public', name: 'tags' }]) };
      const { message } = await client.query(flagship.sql('sql/checks/try-update.sql', vars)).then(
        () => ({ message: 'it can be updated' }),
        (error: Error) => error,
      );
      return message;
    });
  const trigger = (body: string, when = '') => `
    create function look() returns trigger language plpgsql as $$ begin ${body} return new; end $$;
    create trigger look before update on tags for each row ${when} execute function look()`;
  expect(await refused('')).toBe('it can be updated');
  const changed = 'if old.posted and new is distinct from old then';
  expect(await refused(trigger(`${changed} raise 'posted'; end if;`))).toMatch(
    /^The backfill could not update tags: posted/,
  );
  expect(await refused(trigger(`raise 'posted';`, 'when (old.posted and old.* is distinct from new.*)'))).toMatch(
    /: posted/,
  );
  expect(await refused(trigger(`${changed} return null; end if;`))).toMatch(/: an update did not reach a row of tags$/);
  expect(await refused(trigger('insert into gone select (old).*;'))).toMatch(/more expressions than target columns/);
});

test('indexes and constraints of whole rows', async () => {
  await tried(client, async () => {
    await client.query(`
      create function print(tags) returns text language sql immutable as 'select md5($1::text)';
      create index by_print on tags (print(tags)); create index by_name on tags (name) where name <> '';
      alter table tags add constraint complete check (tags is not null or name <> '')`);
    expect((await found('sql/checks/table.sql', of('tags'))).sort()).toEqual([
      expect.stringContaining('its constraint complete asks of whole rows'),
      expect.stringContaining('its index by_print is made of whole rows'),
    ]);
  });
});

test('a sign-up that could not be given its tenant, and one that lets it pass', async () => {
  const signUps = (guard: string) =>
    tried(client, async () => {
      await client.query(`
        alter table profiles add changed_at timestamptz not null default '2020-01-01';
        alter table profiles alter changed_at set default now();
        create function not_so_fast() returns trigger language plpgsql as $$ begin
          ${guard}
          new.changed_at := now();
          return new;
        end $$;
        create trigger not_so_fast before update on profiles for each row execute function not_so_fast()`);
      const before = await value(client, 'select array_agg(p order by id)::text from profiles as p');
      const refused = await client.query(flagship.sql('sql/checks/try-sign-up.sql')).then(
        () => undefined,
        ({ message }: Error) => message,
      );
      if (refused === undefined) {
        expect(await value(client, 'select array_agg(p order by id)::text from profiles as p')).toBe(before);
        await client.query(flagship.sql('sql/tenants/table.sql') + flagship.sql('sql/tenants/profiles-column.sql'));
        await client.query(flagship.sql('sql/tenants/sign-up.sql', { label: 'name' }));
        await client.query(
          `insert into auth.users (email, raw_user_meta_data) values ('n@example.com', '{"name": "New"}')`,
        );
        expect(await value(client, 'select count(*)::int from profiles where tenant_id is not null')).toBe(1);
      }
      return refused;
    });
  const fast = "old.changed_at > now() - interval '1 minute'";
  expect(await signUps(`if ${fast} then raise 'too fast'; end if;`)).toMatch(/could not be given its tenant: too fast/);
  expect(await signUps(`if ${fast} then return null; end if;`)).toMatch(/an update did not reach it/);
  const passing = "current_setting('middlewatch.backfill', true) is distinct from 'on'";
  expect(await signUps(`if ${fast} and ${passing} then raise 'too fast'; end if;`)).toBeUndefined();
});

test('access is compared for an account without a profile that owns rows, until these are in quarantine', async () => {
  await tried(client, async () => {
    const account = await value(client, "insert into auth.users (email) values ('left@example.com') returning id");
    await client.query('delete from profiles where id = $1', [account]);
    await client.query("insert into clients (org_id, name) values ($1, 'still theirs')", [account]);
    const people = async () =>
      (await found('sql/policies/people.sql', { ...of('clients'), staff_role: 'admin' })).join();
    expect(await people()).toContain(`"sub" : "${account}"`);
    await client.query('alter table clients add tenant_id uuid');
    expect(await people()).toContain(`"sub" : "${account}"`);
    await client.query('update clients set tenant_id = gen_random_uuid() where org_id = $1', [account]);
    expect(await people()).not.toContain(`"sub" : "${account}"`);
    await client.query("insert into clients (org_id, name) values ($1, 'written since')", [account]);
    expect(await people(), 'some in quarantine, some not').not.toContain(`"sub" : "${account}"`);
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

test('a refusal shows what was found, and what to do', async () => {
  await client.query('alter table tags set (autovacuum_enabled = off)');
  const failure = await flagship.perform('at-work').catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ExpectationFailed);
  const [shown] = (failure as ExpectationFailed).evidence;
  expect(shown?.kind === 'rows' && shown.columns).toEqual(['of', 'problem', 'found', 'what to do']);
});
