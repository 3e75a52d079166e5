import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { legacyDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let operator: pg.Pool;
beforeAll(async () => {
  database = await legacyDatabase();
  operator = database.pool();
});
afterAll(() => database.drop());

/** What a query comes to for a signed-in user, or for a visitor. */
async function asUser<Row extends pg.QueryResultRow>(
  sub: string | null,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = await operator.connect();
  try {
    await client.query('begin');
    await client.query(`set local role ${sub === null ? 'anon' : 'authenticated'}`);
    await client.query("select set_config('request.jwt.claims', $1, true)", [
      JSON.stringify({ sub, role: 'authenticated' }),
    ]);
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.query('rollback');
    client.release();
  }
}

async function twoUsers(): Promise<[string, string]> {
  const { rows } = await operator.query<{ id: string }>(
    "select id from public.profiles where email in ('user2@example.com', 'user3@example.com') order by email",
  );
  return [rows[0]?.id ?? '', rows[1]?.id ?? ''];
}

test('a user sees and changes the own rows and nobody else’s', async () => {
  const [a, b] = await twoUsers();
  const counted = await asUser(
    a,
    'select count(*) filter (where org_id = $1)::int as own, count(*) filter (where org_id is distinct from $1)::int as others from orders',
    [a],
  );
  const truth = await operator.query('select count(*)::int as own, 0 as others from orders where org_id = $1', [a]);
  expect(counted).toEqual(truth.rows);
  expect(truth.rows[0]?.own).toBeGreaterThan(0);
  expect(await asUser(a, 'update clients set notes = null where org_id = $1 returning id', [b])).toEqual([]);
  await expect(asUser(a, "insert into clients (org_id, name) values ($1, 'Mine now')", [b])).rejects.toMatchObject({
    code: '42501',
  });
  expect(await asUser(null, 'select id from orders')).toEqual([]);
});

test('the operator is what a customer of the hosting side is: owner of the tables, and no superuser', async () => {
  const { rows } = await operator.query(
    `select rolname::text as role, rolsuper as superuser, rolbypassrls as past_rls,
            (select count(*)::int from pg_tables where schemaname = 'public' and tableowner = 'postgres') as tables
     from pg_roles where rolname = current_user`,
  );
  expect(rows).toEqual([{ role: 'postgres', superuser: false, past_rls: true, tables: 14 }]);
  await expect(operator.query("set session_replication_role = 'replica'")).rejects.toMatchObject({ code: '42501' });
});

test('signing up makes a profile; deleting an account leaves its rows behind, as orphans', async () => {
  const { rows } = await operator.query<{ id: string }>(
    `insert into auth.users (email, raw_user_meta_data) values ('new@example.com', '{"name": "New"}') returning id`,
  );
  const id = rows[0]?.id ?? '';
  await operator.query("insert into clients (org_id, name) values ($1, 'Left behind')", [id]);
  expect((await operator.query('select name from profiles where id = $1', [id])).rows).toEqual([{ name: 'New' }]);
  await operator.query('delete from auth.users where id = $1', [id]);
  expect((await operator.query('select name from profiles where id = $1', [id])).rows).toEqual([]);
  expect((await operator.query('select name from clients where org_id = $1', [id])).rows).toEqual([
    { name: 'Left behind' },
  ]);
});

test('every table has rows, some of accounts that are gone and some of nobody', async () => {
  const { rows } = await operator.query<{ orphans: number; nobodys: number; dangling: number }>(
    `select count(*) filter (where o.org_id is not null and p.id is null)::int as orphans,
            count(*) filter (where o.org_id is null)::int as nobodys,
            count(*) filter (where client_id is not null and c.id is null)::int as dangling
     from orders o left join profiles p on p.id = o.org_id left join clients c on c.id = o.client_id`,
  );
  expect(rows[0]?.orphans).toBeGreaterThan(0);
  expect(rows[0]?.nobodys).toBeGreaterThan(0);
  expect(rows[0]?.dangling).toBe(0);
  const empty = await operator.query(
    "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and reltuples < 1",
  );
  expect(empty.rows).toEqual([]);
});
