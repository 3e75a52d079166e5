import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { expect, onTestFinished } from 'vitest';
import type { Evidence, Result } from '../../src/run/events.ts';
import { isolation } from '../../src/steps/isolation/isolation.ts';
import { freshDatabase } from '../support/database.ts';
import { actOf, stepOf, worldOf } from './acting.ts';

// Roles belong to the server, which other tests use as well.
const suffix = randomBytes(4).toString('hex');
export const MEMBER = `member_${suffix}`;
export const GUEST = `guest_${suffix}`;
/** The text of a file of the flagship. */
export const file = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** A table of which four rows are of each of three tenants and one of nobody, and one without rows. */
export const ORDER = { name: 'order', schema: 'public', owner: 'Owner' };
export const EMPTY = { name: 'empty', schema: 'public', owner: 'Owner' };

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

/** The fields of the step: who may do what. */
export const fields = {
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

/** The step at work on a database of tenants, of whom the first is `owner`, with a `colleague`. */
export interface Trial {
  pool: pg.Pool;
  /** A connection of its own. */
  client(): Promise<pg.Client>;
  /** Performs the step with other fields, on these tables. @param on the pool it has, in place of the database's own */
  perform(more?: object, tables?: Record<string, string>[], on?: pg.Pool): Promise<Result>;
  /** The failure of the step, which must not pass. */
  failing(more?: object, tables?: Record<string, string>[]): Promise<{ message: string; evidence: Evidence[] }>;
  /** Everything there is, whoever it belongs to, and who may see it. */
  everything(): Promise<unknown>;
  /** Changes the database for one test. */
  changed(by: string, back: string): Promise<void>;
  close(): Promise<void>;
}

/** Makes the database. Close it in `afterAll`. */
export async function openTrial(): Promise<Trial> {
  const db = await freshDatabase();
  const pool = db.pool();
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
  const trial: Trial = {
    pool,
    client: () => db.client(),
    async perform(more = {}, tables = [ORDER], on = pool) {
      const performed = await isolation.perform(
        stepOf('isolation', { ...fields, ...more }),
        actOf(),
        worldOf({ pool: on, files, parts: { lists: { tables } } }),
      );
      if ('asks' in performed) throw new Error('It has nothing to ask.');
      return performed.finished;
    },
    async failing(more, tables) {
      const error = await trial.perform(more, tables).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({ name: 'ExpectationFailed' });
      return error as { message: string; evidence: Evidence[] };
    },
    async everything() {
      const { rows } = await pool.query(`
    select (select array_agg(o order by id) from "order" as o)::text as orders, (select count(*) from empty) as empty,
           (select array_agg(p order by id) from profiles as p)::text as profiles,
           current_user::text, nullif(current_setting('request.jwt.claims', true), '') as claims`);
      return rows;
    },
    async changed(by, back) {
      await pool.query(by);
      onTestFinished(async () => void (await pool.query(back)));
    },
    async close() {
      await db.superuser.query(`drop owned by ${MEMBER}, ${GUEST}; drop role ${MEMBER}, ${GUEST}`);
      await db.drop();
    },
  };
  return trial;
}

/** The cells of a row of the matrix, by person. */
export function cells(evidence: Evidence[] | undefined, table: string): Record<string, string | undefined> {
  const [matrix] = evidence ?? [];
  if (matrix?.kind !== 'rows') throw new Error('There is no matrix.');
  const row = matrix.rows.find(([name]) => name === table);
  return Object.fromEntries(matrix.columns.map((actor, i) => [actor, row?.[i]]));
}

/** The cells of everybody in a table where isolation holds: select, insert, update, delete. */
export const HOLDS = {
  owner: '✓ ✓ ✓ ✓',
  colleague: '✓ – – ✓',
  outsider: '– – – –',
  stranger: '– – – –',
  anonymous: '– – – –',
};
