import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Evidence } from '../../src/run/events.ts';
import { isolation } from '../../src/steps/isolation.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { actOf, stepOf, worldOf } from './acting.ts';

// The role belongs to the server, which other tests use as well.
const MEMBER = `member_${randomBytes(4).toString('hex')}`;
const file = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const attacks = [
  'change-others',
  'delete-others',
  'change-blindly',
  'delete-blindly',
  'move-to-others',
  'insert-for-others',
  'join-their-tenant',
].map((name) => `sql/isolation/${name}.sql`);
const items = [
  { name: 'order', schema: 'public', owner: 'Owner' },
  { name: 'empty', schema: 'public', owner: 'Owner' },
];

let db: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  db = await freshDatabase();
  pool = db.pool();
  await pool.query(`
    create role ${MEMBER};
    create schema auth;
    grant usage on schema auth to ${MEMBER};
    create function auth.uid() returns uuid language sql stable
      return (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid;
    create table tenants (id uuid primary key default gen_random_uuid());
    create table profiles (id uuid primary key default gen_random_uuid(), tenant_id uuid references tenants);
    create function current_tenant_id() returns uuid language sql stable security definer set search_path = ''
      return (select tenant_id from public.profiles where id = auth.uid());
    create table "order" (
      id uuid primary key default gen_random_uuid(), serial bigint generated always as identity,
      "Owner" uuid, tenant_id uuid references tenants,
      fee int not null, tax int not null, total int generated always as (fee + tax) stored);
    create table empty (like "order" including all);
    insert into tenants select from generate_series(1, 3);
    insert into profiles (tenant_id) select id from tenants;
    insert into "order" ("Owner", tenant_id, fee, tax)
      select id, tenant_id, n, 1 from profiles, generate_series(1, 4) as n;
    insert into "order" (fee, tax) values (1, 1);
    grant all on all tables in schema public to ${MEMBER};
    alter table profiles enable row level security;
    create policy own on profiles for select using (id = auth.uid());`);
  for (const item of items) {
    await pool.query(`alter table "${item.name}" enable row level security`);
    await pool.query(`
      create policy mine on "${item.name}"
        using ("Owner" = auth.uid() or tenant_id = current_tenant_id())
        with check ("Owner" = auth.uid() and tenant_id = current_tenant_id())`);
  }
});
afterAll(async () => {
  await db.superuser.query(`drop owned by ${MEMBER}; drop role ${MEMBER}`);
  await db.drop();
});

const files = {
  ...Object.fromEntries(['sql/isolation/own.sql', ...attacks].map((path) => [path, file(path)])),
  'actors.sql': `
    select 'user ' || row_number() over (order by id) as actor, json_build_object('sub', id)::text as claims,
           id as self, tenant_id as tenant, lead(id, 1, first) over (order by id) as other,
           lead(tenant_id, 1, theirs) over (order by id) as other_tenant
    from profiles, (select id, tenant_id from profiles order by id limit 1) as one (first, theirs)
    union all
    select 'a stranger', json_build_object('sub', gen_random_uuid())::text, gen_random_uuid(), gen_random_uuid(), id, tenant_id
    from (select id, tenant_id from profiles order by id limit 1) as victim`,
  'clumsy.sql': `insert into "order" (no_such_column) values (1)`,
};

function perform(fields: object = {}) {
  const step = {
    tables: 'tables',
    role: MEMBER,
    actors: 'actors.sql',
    own: 'sql/isolation/own.sql',
    attacks,
    ...fields,
  };
  return isolation.perform(
    stepOf('isolation', step),
    actOf(),
    worldOf({ pool, files, parts: { lists: { tables: items } } }),
  );
}

/** Everything there is, whoever it belongs to, and who may see it. */
async function everything(): Promise<unknown> {
  const { rows } = await pool.query(`
    select (select array_agg(o order by id) from "order" as o)::text as orders,
           (select array_agg(p order by id) from profiles as p)::text as profiles,
           current_user::text, nullif(current_setting('request.jwt.claims', true), '') as claims`);
  return rows;
}

/** Weakens the database for one test. */
async function weakened(by: string, back: string): Promise<void> {
  await pool.query(by);
  onTestFinished(async () => void (await pool.query(back)));
}

const columns = (evidence: Evidence | undefined, name: string) => {
  if (evidence?.kind !== 'rows') throw new Error('There is no matrix.');
  return Object.fromEntries(
    evidence.rows.map(([table, ...cells]) => [table, cells[evidence.columns.indexOf(name) - 1]]),
  );
};

describe('isolation', () => {
  it('holds where it should, proves it by rows that are really there, and leaves nothing behind', async () => {
    const before = await everything();
    const performed = await perform();
    const finished = 'finished' in performed ? performed.finished : undefined;
    expect(columns(finished?.evidence?.[0], 'own rows')).toMatchObject({ order: 'all 12' });
    expect(columns(finished?.evidence?.[0], "others' rows")).toMatchObject({ order: '0' });
    expect(columns(finished?.evidence?.[0], 'join-their-tenant')).toMatchObject({ '(besides)': 'no row' });
    expect(finished?.exceptions).toEqual([expect.stringContaining('empty, own rows: no row of theirs is here')]);
    expect(await everything()).toEqual(before);
  });

  it('finds the policy that was left over beside the right ones', async () => {
    await weakened('create policy demo on "order" for select using (true)', 'drop policy demo on "order"');
    // Four orders of each of two others, and the one nobody owns.
    await expect(perform({ attacks: [] })).rejects.toThrow(/order, others' rows: 9 \(user 1 and 3 more\)/);
  });

  it('finds own rows that have gone out of sight', async () => {
    await weakened(
      'create policy strict on "order" as restrictive for select using (fee > 1)',
      'drop policy strict on "order"',
    );
    await expect(perform({ attacks: [] })).rejects.toThrow(/order, own rows: sees 3 of 4/);
  });

  it('finds a check that lets rows into a tenant that is not one’s own', async () => {
    await weakened(
      `create policy lax on "order" for all using ("Owner" = auth.uid()) with check ("Owner" = auth.uid())`,
      'drop policy lax on "order"',
    );
    const failure = await perform().catch((error) => error);
    expect(failure.message).toMatch(/order, move-to-others: 1 row/);
    expect(failure.message).toMatch(/order, insert-for-others: 1 row/);
    expect(columns(failure.evidence[0], 'insert-for-others').order).toMatch(/^FAILED/);
  });

  it('finds that users can move themselves into a tenant', async () => {
    await weakened(
      'create policy change on profiles for update using (id = auth.uid())',
      'drop policy change on profiles',
    );
    await expect(perform()).rejects.toThrow(/\(besides\), join-their-tenant: 1 row/);
  });

  it('finds that rows of others can be deleted or taken', async () => {
    await weakened('alter table "order" disable row level security', 'alter table "order" enable row level security');
    const before = await everything();
    const failure = await perform().catch((error) => error);
    expect(failure.message).toMatch(/change-others: 4 rows.*delete-others: 4 rows/);
    expect(await everything()).toEqual(before);
  });

  it.each([
    ['delete', 'delete-blindly'],
    ['update', 'change-blindly'],
  ])('finds a policy for %s alone, which whoever reads no column passes', async (command, attack) => {
    await weakened(`create policy demo on "order" for ${command} using (true)`, 'drop policy demo on "order"');
    const before = await everything();
    await expect(perform()).rejects.toThrow(new RegExp(`order, ${attack}: 1 row \\(a stranger\\)`));
    expect(await everything()).toEqual(before);
  });

  it('is not put off by an application that is at the same rows all the time', async () => {
    // Whatever trigger comes before an update: the row is locked for it, before the policy's check is looked at.
    await weakened(
      'create trigger lock_first before update on "order" for each row execute function suppress_redundant_updates_trigger()',
      'drop trigger lock_first on "order"',
    );
    const application = await db.client();
    let over = false;
    const busy = (async () => {
      while (!over) {
        await application.query('update "order" set tax = tax + 1');
        await application.query('select pg_sleep(0.03)');
      }
    })();
    const performed = await perform().finally(() => {
      over = true;
    });
    await busy;
    expect(performed).toMatchObject({ finished: { exceptions: [expect.stringContaining('empty, own rows')] } });
  });

  it('does not take a clumsy attack for a refused one', async () => {
    const performed = await perform({ attacks: ['clumsy.sql'] });
    expect(performed).toMatchObject({
      finished: { exceptions: expect.arrayContaining([expect.stringContaining('no_such_column')]) },
    });
  });
});
