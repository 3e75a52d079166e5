import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { watchRows } from '../../src/postgres/row-sums.ts';
import { legacyDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { type Flagship, of, openFlagship, refusal, signIn, tenantOf, texts, tried, value } from './flagship.ts';
import { twoOwners } from './plans.ts';

/* Accounts that come, change and go once there are tenants, as the application and its triggers go on. */

// The role belongs to the server, which other tests use as well.
const EVERYBODY = `everybody_${randomBytes(4).toString('hex')}`;

let db: TestDatabase;
let flagship: Flagship;
let client: pg.Client;
let ada: string;
let ben: string;

beforeAll(async () => {
  db = await legacyDatabase({ rows: 60 });
  client = await db.client();
  [ada, ben] = await twoOwners(client);
  await db.superuser.query(`create role ${EVERYBODY}; grant ${EVERYBODY} to authenticated`);
  // Both name what they write without its schema.
  await client.query(`
    alter default privileges in schema public grant all on tables to ${EVERYBODY};
    alter default privileges revoke execute on functions from public;
    alter default privileges in schema public revoke execute on functions from anon, authenticated, service_role;
    create table changed_profiles (id uuid);
    create function note_change() returns trigger language plpgsql as
      'begin insert into changed_profiles values (new.id); return null; end';
    create trigger note_change after update on profiles for each row execute function note_change();
    create function give_tags() returns trigger language plpgsql as
      $$ begin insert into public.tags (org_id, name) values (new.id, 'first') on conflict do nothing; return null; end $$;
    create trigger give_tags after insert on profiles for each row execute function give_tags()`);
  flagship = await openFlagship(db.env, { 'unexpected-policies': 'drop', rights: 'revoke', orphans: 'quarantine' });
  await flagship.perform('create-tenants', 'fill-tenants', 'backfill-profiles', 'row-triggers', 'add-column');
  await flagship.perform('backfill-tables', 'quarantine', 'profiles-constraint', 'constraint', 'finish-backfill');
  await flagship.perform('revoke-rights', 'replace-policies');
});
afterAll(async () => {
  await flagship?.close();
  await db?.superuser.query(`drop owned by ${EVERYBODY}; drop role ${EVERYBODY}`);
  await db?.drop();
});

const signUp = (name: string) =>
  value(client, `insert into auth.users (email, raw_user_meta_data) values ($1, '{"name": "New"}') returning id`, [
    `${name}@example.com`,
  ]).then(String);

test('whoever signs up has a tenant, and so have the rows that a trigger gives them at once', async () => {
  await tried(client, async () => {
    const user = await signUp('seeded');
    const tenant = await tenantOf(client, user);
    expect(tenant).toEqual(expect.any(String));
    expect(await value(client, 'select tenant_id from tags where org_id = $1', [user])).toBe(tenant);
    expect(await value(client, 'select count(*)::int from changed_profiles where id = $1', [user])).toBe(1);
    expect(await value(client, "select current_setting('middlewatch.backfill', true)")).toBe('');
  });
});

test('rows that an account had before its profile, in quarantine or not, come into its tenant', async () => {
  await tried(client, async () => {
    const user = await signUp('late');
    await client.query('delete from tags where org_id = $1', [user]);
    await client.query('delete from profiles where id = $1', [user]);
    await client.query("insert into clients (org_id, name) values ($1, 'early')", [user]);
    await client.query(flagship.sql('sql/tables/quarantine.sql', of('clients')));
    const quarantined = await value(client, 'select tenant_id from clients where org_id = $1', [user]);
    expect(quarantined).toEqual(expect.any(String));
    await client.query("insert into tags (org_id, name) values ($1, 'early')", [user]);
    await client.query("insert into profiles (id, name) values ($1, 'Late')", [user]);
    const tenant = await tenantOf(client, user);
    expect(await texts(client, `select distinct tenant_id from clients where org_id = '${user}'`)).toEqual([tenant]);
    expect(await texts(client, `select distinct tenant_id from tags where org_id = '${user}'`)).toEqual([tenant]);
    expect(quarantined).not.toBe(tenant);
  });
});

test('nobody is kept from signing up by a row that its triggers let nobody change so soon, nor by other claims', async () => {
  await tried(client, async () => {
    await client.query(`
      create function seed_early() returns trigger language plpgsql as
        $$ begin insert into public.deals (org_id, title) values (new.id, 'early'); return new; end $$;
      create trigger seed_early before insert on profiles for each row execute function seed_early();
      create function refuse() returns trigger language plpgsql as
        $$ begin raise 'not so soon, %', coalesce(auth.role(), 'nobody'); end $$;
      create trigger refuse before update on deals for each row when (old.title = 'early') execute function refuse()`);
    const user = await signUp('refused');
    expect(await tenantOf(client, user)).toEqual(expect.any(String));
    expect(await value(client, 'select tenant_id from deals where org_id = $1', [user])).toBeNull();
    await client.query('drop trigger refuse on deals');
    // What is cleared for it is there again.
    await client.query("select set_config('request.jwt.claims', $1, true)", [`{"sub": "${ada}"}`]);
    const other = await signUp('early');
    expect(await value(client, 'select tenant_id from deals where org_id = $1', [other])).toBe(
      await tenantOf(client, other),
    );
    expect(await value(client, 'select auth.uid()')).toBe(ada);
    await client.query(flagship.sql('sql/backfill/late.sql', of('deals')));
    expect(await value(client, 'select tenant_id from deals where org_id = $1', [user])).toBe(
      await tenantOf(client, user),
    );
  });
});

test('quarantine leaves alone the row of somebody who has a profile', async () => {
  await tried(client, async () => {
    await client.query('alter table tags disable trigger user; update tags set tenant_id = null');
    await client.query(flagship.sql('sql/tables/quarantine.sql', of('tags')));
    const taken = `select count(*)::int from tags join profiles on profiles.id = org_id where tags.tenant_id is not null`;
    expect(await value(client, taken)).toBe(0);
  });
});

test('an account may get another id, and its tenant goes with it', async () => {
  await tried(client, async () => {
    const tenant = await tenantOf(client, ada);
    const other = await signUp('other-id');
    await client.query('delete from profiles where id = $1', [other]);
    await client.query('update profiles set id = $1 where id = $2', [other, ada]);
    expect(await value(client, 'select owner_id from tenants where id = $1', [tenant])).toBe(other);
  });
});

test('who may not read profiles writes rows that name their tenant, and no stranger', async () => {
  await tried(client, async () => {
    await client.query(`revoke select on profiles from authenticated, ${EVERYBODY}`);
    const tenant = await tenantOf(client, ada);
    await signIn(client, ada);
    expect(await refusal(client, 'select from profiles')).toBe('42501');
    const insert = "insert into clients (org_id, name, tenant_id) values ($1, 'named', $2)";
    expect(await refusal(client, insert, [ada, tenant])).toBeUndefined();
    expect(await refusal(client, insert, [ben, tenant])).toBe('42501');
  });
});

test('a role of reports reads on by the policies it has, and an owner makes partitions of its tables', async () => {
  const superuser = await db.superuser.connect();
  await tried(superuser, async () => {
    await superuser.query(`grant usage, create on schema public to ${EVERYBODY}; grant select on clients to ${EVERYBODY};
      create policy reports on clients for select to ${EVERYBODY} using (id is not null);
      create table parted (id uuid, org_id uuid, at date) partition by range (at);
      alter table parted owner to ${EVERYBODY}`);
    await superuser.query(flagship.sql('sql/tables/add.sql', of('parted')));
    await watchRows(superuser, { schema: 'public', name: 'parted' }, ['id']);
    const all = await texts(superuser, 'select count(*) from clients');
    await superuser.query(`set local role ${EVERYBODY}`);
    expect(await texts(superuser, 'select count(*) from clients')).toEqual(all);
    await superuser.query(
      "create table parted_new partition of parted for values from ('2020-01-01') to ('2021-01-01')",
    );
    await superuser.query("insert into parted values (gen_random_uuid(), null, '2020-06-01')");
  }).finally(() => superuser.release());
});

test('tenants are nobody’s to write, whatever is granted by default, and the isolation looks', async () => {
  const grantees = `select distinct grantee::regrole from pg_class, aclexplode(relacl)
    where pg_class.oid = 'tenants'::regclass and grantee <> relowner order by 1`;
  expect(await texts(client, grantees)).toEqual(['authenticated', 'service_role']);
  const found = (user: string) =>
    signIn(client, user).then(() => texts(client, flagship.sql('sql/isolation/rights-on-tenants.sql')));
  expect(await tried(client, () => found(ada))).toEqual([]);
  await tried(client, async () => {
    await client.query('grant trigger, update (name) on tenants to authenticated');
    expect(await found(ada)).toEqual(['UPDATE', 'TRIGGER']);
  });
});

test.each([
  ['a row that is written', "insert into clients (org_id, name) values ($1, 'x')"],
  ['a question for one’s tenant', 'select current_tenant_id(), $1::pg_catalog.text'],
  ['a profile that is changed', "update profiles set name = 'x' where id = $1"],
])('no type of one’s own is taken for the server’s, nor run with other rights, by %s', async (_, statement) => {
  // A session of its own: functions keep what they have found.
  const own = await db.client();
  await tried(own, async () => {
    await own.query('create table ran_as (who text); grant insert on ran_as to authenticated');
    await signIn(own, ada);
    const types = ['uuid', 'text', 'jsonb', 'bool', 'regclass', 'numeric', 'int8'];
    for (const type of types) {
      await own.query(`
        create function pg_temp.seen_${type}(pg_catalog.${type}) returns pg_catalog.bool language plpgsql as
          'begin insert into public.ran_as values (current_user); return true; end';
        create domain pg_temp.${type} as pg_catalog.${type} check (pg_temp.seen_${type}(value))`);
    }
    await own.query(statement, [ada]);
    await own.query('reset role');
    expect(await texts(own, "select distinct who from ran_as where who <> 'authenticated'")).toEqual([]);
  });
});

test('whoever signs up while a rollback takes the tenants of a table away is not refused for it', async () => {
  const undoing = await db.client();
  await undoing.query('begin; alter table deals drop column tenant_id cascade');
  await undoing.query(flagship.sql('sql/tables/add-undo.sql', of('deals')));
  const signingUp = signUp('meanwhile');
  await eventually(async () => {
    const waiting = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    expect((await db.superuser.query(waiting)).rowCount).toBe(1);
  });
  await undoing.query('commit');
  expect(await tenantOf(client, await signingUp)).toEqual(expect.any(String));
});
