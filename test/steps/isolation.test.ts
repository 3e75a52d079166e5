import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Evidence } from '../../src/run/events.ts';
import { isolation } from '../../src/steps/isolation/isolation.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { actOf, stepOf, worldOf } from './acting.ts';

// Roles belong to the server, which other tests use as well.
const suffix = randomBytes(4).toString('hex');
const MEMBER = `member_${suffix}`;
const GUEST = `guest_${suffix}`;
const file = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const ORDER = { name: 'order', schema: 'public', owner: 'Owner' };
const EMPTY = { name: 'empty', schema: 'public', owner: 'Owner' };

let db: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  db = await freshDatabase();
  pool = db.pool();
  await pool.query(`
    create role ${MEMBER};
    create role ${GUEST};
    create schema auth;
    grant usage on schema auth to ${MEMBER}, ${GUEST};
    create function auth.uid() returns uuid language sql stable
      return (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid;
    create table tenants (id uuid primary key default gen_random_uuid());
    create table profiles (id uuid primary key default gen_random_uuid(), tenant_id uuid references tenants);
    create function current_tenant_id() returns uuid language sql stable security definer set search_path = ''
      return (select tenant_id from public.profiles where id = auth.uid());
    create table "order" (
      id uuid primary key default gen_random_uuid(), serial bigint generated always as identity, number serial unique,
      "Owner" uuid, tenant_id uuid references tenants, label varchar(12) not null unique,
      tags text[] not null default '{a,b}',
      fee int not null, tax int not null, total int generated always as (fee + tax) stored);
    create table empty (like "order" including all);
    insert into tenants select from generate_series(1, 3);
    insert into profiles (tenant_id) select id from tenants;
    insert into "order" ("Owner", tenant_id, label, fee, tax)
      select id, tenant_id, left(id::text, 8) || n, n, 1 from profiles, generate_series(1, 4) as n;
    insert into "order" (label, fee, tax) values ('nobody’s', 1, 1);
    grant all on all tables in schema public to ${MEMBER};
    grant all on all sequences in schema public to ${MEMBER}, ${GUEST};
    grant all on "order", empty to ${GUEST};
    alter table profiles enable row level security;
    create policy own on profiles for select to ${MEMBER} using (id = auth.uid());`);
  for (const { name } of [ORDER, EMPTY]) {
    await pool.query(`
      alter table "${name}" enable row level security;
      create policy mine on "${name}" to ${MEMBER}
        using ("Owner" = auth.uid() or tenant_id = current_tenant_id())
        with check ("Owner" = auth.uid() and tenant_id = current_tenant_id())`);
  }
});
afterAll(async () => {
  await db.superuser.query(`drop owned by ${MEMBER}, ${GUEST}; drop role ${MEMBER}, ${GUEST}`);
  await db.drop();
});

const people = (who: string) => `
  with person as (select id, tenant_id, row_number() over (order by id) as n from profiles)
  select who.actor, case who.actor when 'anonymous' then '${GUEST}' else '${MEMBER}' end as role,
         case when who.self is null then '' else json_build_object('sub', who.self)::text end as claims,
         coalesce(who.self, gen_random_uuid()) as self, who.tenant, who.other, who.other_tenant
  from person as a join person as b on b.n = 2 join person as c on c.n = 3
  cross join lateral (values
    ('owner', a.id, a.tenant_id, b.id, b.tenant_id),
    ('colleague', c.id, a.tenant_id, b.id, b.tenant_id),
    ('outsider', b.id, b.tenant_id, a.id, a.tenant_id),
    ('stranger', gen_random_uuid(), gen_random_uuid(), a.id, a.tenant_id),
    ('anonymous', null, gen_random_uuid(), a.id, a.tenant_id)
  ) as who (actor, self, tenant, other, other_tenant)
  where a.n = 1 and who.actor = any ('${who}')`;

const EVERYBODY = '{owner,colleague,outsider,stranger,anonymous}';
const attacks = ['hold', 'colleague', 'own', 'row', 'misplaced', 'take-row', 'join-their-tenant'];
const files = {
  ...Object.fromEntries(attacks.map((name) => [`${name}.sql`, file(`sql/isolation/${name}.sql`)])),
  'actors.sql': people(EVERYBODY),
  'no-colleague.sql': people('{owner,outsider,stranger,anonymous}'),
  'clumsy.sql': `insert into "order" (no_such_column) values (1)`,
  'sample.sql': `insert into empty ("Owner", tenant_id, label, fee, tax)
    values (:'self'::uuid, :'tenant'::uuid, 'sample', 1, 2) returning tableoid, ctid`,
};

const fields = {
  tables: 'tables',
  role: MEMBER,
  actors: 'actors.sql',
  hold: 'hold.sql',
  prepare: { colleague: 'colleague.sql' },
  own: 'own.sql',
  row: 'row.sql',
  may: {
    owner: ['select', 'insert', 'update', 'delete'],
    colleague: ['select'],
    outsider: [],
    stranger: [],
    anonymous: [],
  },
  except: { order: { colleague: ['select', 'delete'] }, empty: { colleague: ['select', 'delete'] } },
  misplaced: 'misplaced.sql',
  attacks: [
    { file: 'take-row.sql', by: ['outsider', 'stranger', 'anonymous'] },
    { file: 'join-their-tenant.sql', by: ['owner', 'outsider'] },
  ],
};

async function perform(more: object = {}, tables: Record<string, string>[] = [ORDER], on: pg.Pool = pool) {
  const performed = await isolation.perform(
    stepOf('isolation', { ...fields, ...more }),
    actOf(),
    worldOf({ pool: on, files, parts: { lists: { tables } } }),
  );
  if ('asks' in performed) throw new Error('It has nothing to ask.');
  return performed.finished;
}

const failing = async (more: object = {}, tables?: Record<string, string>[]) => {
  const error = await perform(more, tables).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ name: 'ExpectationFailed' });
  return error as { message: string; evidence: Evidence[] };
};

/** Everything there is, whoever it belongs to, and who may see it. */
async function everything(): Promise<unknown> {
  const { rows } = await pool.query(`
    select (select array_agg(o order by id) from "order" as o)::text as orders, (select count(*) from empty) as empty,
           (select array_agg(p order by id) from profiles as p)::text as profiles,
           current_user::text, nullif(current_setting('request.jwt.claims', true), '') as claims`);
  return rows;
}

/** The pool, with something done before each of the step's transactions. */
const poolWith = (between: () => Promise<void>): pg.Pool =>
  Object.create(pool, {
    connect: {
      value: async () => {
        await between();
        return pool.connect();
      },
    },
  });

/** Changes the database for one test. */
async function changed(by: string, back: string): Promise<void> {
  await pool.query(by);
  onTestFinished(async () => void (await pool.query(back)));
}

/** The cells of a row of the matrix, by person. */
function cells(evidence: Evidence[] | undefined, table: string): Record<string, string | undefined> {
  const [matrix] = evidence ?? [];
  if (matrix?.kind !== 'rows') throw new Error('There is no matrix.');
  const row = matrix.rows.find(([name]) => name === table);
  return Object.fromEntries(matrix.columns.map((actor, i) => [actor, row?.[i]]));
}

const HOLDS = {
  owner: '✓ ✓ ✓ ✓',
  colleague: '✓ – – ✓',
  outsider: '– – – –',
  stranger: '– – – –',
  anonymous: '– – – –',
};

describe('isolation', () => {
  it('holds where it should, in every cell, and leaves nothing behind', async () => {
    const before = await everything();
    const { evidence, facts } = await perform();
    expect(cells(evidence, 'order')).toMatchObject(HOLDS);
    expect(facts).toMatchObject({ cells: 20, proved: 20, leaks: 0, lost: 0, unproved: 0 });
    expect(facts?.attacks).toBe(facts?.['attacks.refused']);
    expect(await everything()).toEqual(before);
  });

  const onOrder = (policy: string) => [`create policy demo on "order" ${policy}`, 'drop policy demo on "order"'];
  it.each([
    [
      'a policy that lets everybody read',
      onOrder('for select using (true)'),
      { outsider: /^LEAK – – –/, anonymous: /^LEAK/ },
    ],
    [
      'one for whoever is not signed in',
      onOrder('for select to public using (auth.uid() is null)'),
      { anonymous: /^LEAK/ },
    ],
    ['one for a row the trial does not try', onOrder('for select using ("Owner" is null)'), { stranger: /^LEAK/ }],
    [
      'an INSERT without a check',
      onOrder('for insert with check (true)'),
      { outsider: /^– LEAK/, stranger: /^– LEAK/ },
    ],
    ['an UPDATE that reads no column', onOrder('for update using (true)'), { outsider: /^– – LEAK –/ }],
    ['a DELETE that reads no column', onOrder('for delete using (true)'), { outsider: /^– – – LEAK/ }],
    [
      'a DELETE of rows the trial does not try',
      onOrder('for delete using ("Owner" is null)'),
      { stranger: /^– – – LEAK/ },
    ],
    [
      'row level security that is off',
      ['alter table "order" disable row level security', 'alter table "order" enable row level security'],
      { outsider: /^LEAK ×4$/, anonymous: /^LEAK ×4$/ },
    ],
  ])('finds %s', async (_, [by = '', back = ''], leaks) => {
    await changed(by, back);
    const before = await everything();
    const { message, evidence } = await failing();
    expect(message).toMatch(/^Isolation does not hold: order, /);
    for (const [actor, cell] of Object.entries(leaks)) expect(cells(evidence, 'order')[actor]).toMatch(cell);
    expect(await everything()).toEqual(before);
  });

  it.each([
    [
      'an UPDATE that moves a row',
      'for update using ("Owner" = auth.uid()) with check (true)',
      /misplaced update by owner/,
    ],
    ['an INSERT under one’s own name', 'for insert with check ("Owner" = auth.uid())', /misplaced insert by owner/],
    [
      'an UPDATE that takes a row over',
      'for update using (true) with check ("Owner" = auth.uid())',
      /take-row by outsider/,
    ],
  ])('finds %s', async (_, policy, leak) => {
    await changed(`create policy lax on "order" ${policy}`, 'drop policy lax on "order"');
    const { evidence } = await failing();
    const wrong = evidence.find(({ title }) => title === 'What is not as it should be');
    expect(JSON.stringify(wrong)).toMatch(leak);
  });

  it('finds that users can move themselves into a tenant', async () => {
    await changed(
      'create policy change on profiles for update using (id = auth.uid())',
      'drop policy change on profiles',
    );
    expect((await failing()).message).toMatch(/\(besides\), join-their-tenant by owner, outsider: got at 1 row/);
  });

  it('takes what a trigger puts right for no leak', async () => {
    await changed(
      `create policy lax on "order" for insert with check ("Owner" = auth.uid());
       create function put_right() returns trigger language plpgsql as $$
         begin new."Owner" := auth.uid(); new.tenant_id := current_tenant_id(); return new; end $$;
       create trigger put_right before insert on "order" for each row execute function put_right()`,
      'drop policy lax on "order"; drop trigger put_right on "order"; drop function put_right',
    );
    const { evidence } = await failing();
    // Everybody adds rows of their own now, which is told; but none stands where it should not.
    expect(JSON.stringify(evidence)).not.toContain('misplaced insert by');
  });

  it('is not led astray by a policy that costs more than what it counts with', async () => {
    await changed(
      `create function costly() returns boolean language sql stable cost 10000 return current_user = 'nobody';
       create policy staff on "order" using (costly())`,
      'drop policy staff on "order"; drop function costly',
    );
    expect(cells((await perform()).evidence, 'order')).toMatchObject(HOLDS);
  });

  it('finds own rows that have gone out of reach', async () => {
    await changed(
      'create policy strict on "order" as restrictive for select using (fee <> 3)',
      'drop policy strict on "order"',
    );
    expect((await failing()).message).toMatch(/^Out of reach .*order, select by owner.*: sees 3 of 4/);
  });

  it('asks for no more than was granted, and takes nothing of one’s own for a leak', async () => {
    await changed(`revoke delete on "order" from ${MEMBER}`, `grant delete on "order" to ${MEMBER}`);
    const { evidence } = await perform({ may: { ...fields.may, owner: ['select', 'insert', 'delete'] } });
    expect(cells(evidence, 'order')).toMatchObject({ owner: '✓ ✓ ✓ –', colleague: '✓ – – –' });
  });

  it('proves nothing without a row to try on, and proves it with a sample', async () => {
    const before = await everything();
    const { message, evidence } = await failing({}, [ORDER, EMPTY]);
    expect(message).toMatch(/^Not proved: empty, .*: there is no row of owner/);
    expect(cells(evidence, 'empty')).toMatchObject({ owner: '? ? ? ?', anonymous: '? ? ? ?' });
    expect(cells(evidence, 'order')).toMatchObject(HOLDS);
    const proved = await perform({ samples: { empty: 'sample.sql' } }, [EMPTY]);
    expect(cells(proved.evidence, 'empty')).toMatchObject(HOLDS);
    expect(await everything()).toEqual(before);
  });

  it('shows as unproved whom it could not act as', async () => {
    const { message, evidence } = await failing({ actors: 'no-colleague.sql' });
    expect(message).toMatch(/order, select by colleague; .*: nobody was found to act as colleague/);
    expect(cells(evidence, 'order')).toMatchObject({ ...HOLDS, colleague: '? ? ? ?' });
  });

  it('shows as unproved an insert that something else than row security refused', async () => {
    await changed(
      `create function stumble() returns trigger language plpgsql as 'begin return 1 / 0; end';
       create trigger stumble before insert on "order" for each row execute function stumble()`,
      'drop trigger stumble on "order"; drop function stumble',
    );
    const { message, evidence } = await failing();
    expect(message).toMatch(/^Not proved: order, insert by owner, .*: division by zero/);
    expect(cells(evidence, 'order').owner).toBe('✓ ? ✓ ✓');
  });

  it('knows that an insert has come past the policies when a constraint stops it', async () => {
    await changed(
      `create unique index one_each on "order" ("Owner", fee, tax); create unique index by_expression on "order" (lower(label));
       alter table "order" add check (length(label) < 12)`,
      'drop index one_each, by_expression; alter table "order" drop constraint order_label_check',
    );
    expect(cells((await perform()).evidence, 'order')).toMatchObject(HOLDS);
    await changed('create policy lax on "order" for insert with check (true)', 'drop policy lax on "order"');
    expect(cells((await failing()).evidence, 'order').outsider).toBe('– LEAK – –');
  });

  it('takes a sequence that somebody may not use for no refusal of the policies', async () => {
    await changed(
      `revoke all on sequence order_number_seq from ${MEMBER}, ${GUEST}`,
      `grant all on sequence order_number_seq to ${MEMBER}, ${GUEST}`,
    );
    expect(cells((await perform()).evidence, 'order')).toMatchObject(HOLDS);
    await changed('create policy lax on "order" for insert with check (true)', 'drop policy lax on "order"');
    expect(cells((await failing()).evidence, 'order').outsider).toBe('– LEAK – –');
  });

  it('does not take a clumsy attack for a refused one', async () => {
    const { message } = await failing({ attacks: [{ file: 'clumsy.sql', by: ['owner'] }] });
    expect(message).toMatch(/\(besides\), clumsy by owner: .*no_such_column/);
  });

  it.each([
    ['at once', 1],
    ['while it is being tried', 3],
  ])('takes nobody for a leak who leaves %s after they were found', async (_, when) => {
    await changed(
      `alter policy mine on "order" with check (
         ("Owner" = auth.uid() or tenant_id = current_tenant_id()) and (tenant_id is null or tenant_id = current_tenant_id()));
       ${file('sql/tables/functions.sql').replace(/revoke .*$/s, '')}
       create trigger guard_new before insert on "order" for each row when (new.tenant_id is not null)
         execute function guard_tenant_id('Owner');
       create trigger guard before update on "order" for each row when (new.tenant_id is distinct from old.tenant_id)
         execute function guard_tenant_id('Owner');
       create trigger zfill before insert or update on "order" for each row execute function fill_tenant_id('Owner');
       create table was as select * from profiles;
       with tenant as (insert into tenants default values returning id)
         insert into profiles select 'ffffffff-ffff-4fff-bfff-ffffffffffff', id from tenant`,
      `drop trigger guard_new on "order"; drop trigger guard on "order"; drop trigger zfill on "order";
       drop function fill_tenant_id, guard_tenant_id;
       alter policy mine on "order" with check ("Owner" = auth.uid() and tenant_id = current_tenant_id());
       delete from profiles; insert into profiles select * from was; drop table was;
       delete from tenants where id not in (select tenant_id from profiles)`,
    );
    let before = 0;
    const between = poolWith(async () => {
      if (before++ === when)
        await pool.query('delete from profiles where id = (select id from profiles order by id offset 1 limit 1)');
    });
    // The guard looks for the owner's profile among those that a colleague may see.
    const except = { order: { colleague: ['select', 'update', 'delete'] } };
    const { facts } = await perform({ except }, [ORDER], between);
    expect(before).toBeGreaterThan(when);
    expect(facts).toMatchObject({ leaks: 0, lost: 0, unproved: 0 });
  });

  it('waits for others to let go of a row it can be tried on', async () => {
    const holder = await db.client();
    await holder.query('begin; select from "order" for update');
    let before = 0;
    const between = poolWith(async () => {
      // Longer than one look at the table takes.
      if (before++ === 40) await holder.query('rollback');
    });
    const { facts } = await perform({}, [ORDER], between);
    expect(before).toBeGreaterThan(40);
    expect(facts).toMatchObject({ unproved: 0 });
  });

  it('is not put off by an application that is at the same rows all the time', async () => {
    // Whatever trigger comes before an update: the row is locked for it, before the policy's check is looked at.
    await changed(
      'create trigger lock_first before update on "order" for each row execute function suppress_redundant_updates_trigger()',
      'drop trigger lock_first on "order"',
    );
    const application = await db.client();
    let over = false;
    const busy = (async () => {
      while (!over) {
        await application.query('update "order" set tax = tax + 1');
        await application.query('update profiles set tenant_id = tenant_id');
        await application.query('select pg_sleep(0.005)');
      }
    })();
    const performed = await perform().finally(() => {
      over = true;
    });
    await busy;
    expect(cells(performed.evidence, 'order')).toMatchObject(HOLDS);
  });
});
