import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Result } from '../../src/run/events.ts';
import { legacyDatabase, type TestDatabase } from '../support/database.ts';
import { type Flagship, of, openFlagship, refusal, signIn, tenantOf, tried, value } from './flagship.ts';
import { nodes, planOf, twoOwners } from './plans.ts';

/*
 * What the findings are about, held by the flagship once it is done. What the plan's own SQL does instead is in
 * findings-as-written.test.ts, under the same number.
 */

let db: TestDatabase;
let flagship: Flagship;
/** As the role that migrates. */
let client: pg.Client;
let ada: string;
let ben: string;

const CHOICES = { 'unexpected-policies': 'drop' };
let policies: unknown[];
let ends: Result['evidence'];

beforeAll(async () => {
  db = await legacyDatabase({ rows: 400 });
  client = await db.client();
  [ada, ben] = await twoOwners(client);
  policies = await policiesOf();
  flagship = await openFlagship(db.env, CHOICES);
  await flagship.perform('catalog-before', 'rows-before', 'create-tenants', 'fill-tenants', 'backfill-profiles');
  await flagship.perform('row-triggers', 'add-column', 'backfill-tables');
  // What an earlier attempt may have left: an index of the right name that is not valid.
  const failing = 'create unique index concurrently idx_clients_tenant on clients (tenant_id)';
  await expect(client.query(failing)).rejects.toMatchObject({ code: '23505' });
  await flagship.perform('profiles-constraint', 'profiles-validate', 'profiles-index');
  await flagship.perform('constraint', 'validate', 'indexes', 'finish-backfill', 'unexpected-policies');
  ends = (await flagship.perform('access-ends')).evidence;
  await flagship.perform('replace-policies');
});
afterAll(async () => {
  await flagship?.close();
  await db?.drop();
});

test('F10: whose reads of others end is told before they do, and nothing else ends', async () => {
  const all = await value(client, 'select count(*)::int from tags');
  expect(ends).toMatchObject([{ rows: [['public.tags', 'read', 'of others', '9', String(all), expect.any(String)]] }]);
});

test('F1, F10: 51 policies are in place, and nobody reads past them', async () => {
  await flagship.perform('policies-complete');
  await tried(client, async () => {
    await signIn(client, ada);
    expect(await value(client, 'select count(*)::int from tags where org_id <> $1', [ada])).toBe(0);
    expect(await value(client, 'select count(*)::int from tenants')).toBe(1);
  });
});

test('F2: a user’s read uses the indexes of owner and tenant', async () => {
  const used = await tried(client, () => nodes(client, ada));
  expect(used).toContain('BitmapOr');
  expect(used).not.toContain('Seq Scan');
});

test('F2: whoever owns half of the table is not planned for like anybody', async () => {
  await tried(client, async () => {
    await client.query('update orders set org_id = $1 where number % 2 = 0', [ada]);
    await client.query('analyze orders');
    await signIn(client, ada);
    expect((await planOf(client, 'select * from orders'))['Plan Rows']).toBeGreaterThan(150);
  });
});

test('F2: a row that is the owner’s and the tenant’s is planned for once', async () => {
  await tried(client, async () => {
    await client.query(flagship.sql('sql/tables/analyze.sql', of('orders')));
    await signIn(client, ada);
    const rows = Number(await value(client, 'select count(*) from orders'));
    expect((await planOf(client, 'select * from orders'))['Plan Rows']).toBeLessThan(1.5 * rows);
  });
});

test('F7: what old clients write has its tenant, and so has who signs up', async () => {
  await tried(client, async () => {
    const user = await value(
      client,
      `insert into auth.users (email, raw_user_meta_data) values ('new@example.com', '{"name": "New"}') returning id`,
    );
    expect(
      await value(client, 'select owner_id from tenants where id = $1', [await tenantOf(client, String(user))]),
    ).toBe(user);
    await signIn(client, String(user));
    const insert = "insert into clients (org_id, name) values ($1, 'first') returning tenant_id";
    expect(await value(client, insert, [user])).toBe(await tenantOf(client, String(user)));
  });
});

test('F8: nobody changes the tenant of their profile', async () => {
  const bens = await tenantOf(client, ben);
  await tried(client, async () => {
    await signIn(client, ada);
    const move = 'update profiles set tenant_id = $1 where id = $2';
    expect(await refusal(client, move, [bens, ada])).toBe('42501');
    expect(await refusal(client, move, [null, ada])).toBe('42501');
    expect(await refusal(client, "update profiles set name = 'Ada' where id = $1", [ada])).toBeUndefined();
  });
});

test('F9: no row goes into another tenant, and none under a stranger’s name', async () => {
  const [adas, bens] = [await tenantOf(client, ada), await tenantOf(client, ben)];
  await tried(client, async () => {
    await signIn(client, ada);
    const insert = "insert into clients (org_id, name, tenant_id) values ($1, 'planted', $2)";
    for (const [owner, tenant] of [
      [ada, bens],
      [ben, bens],
      [ben, adas],
      [ben, null],
      [null, bens],
    ]) {
      expect(await refusal(client, insert, [owner, tenant]), `${owner} ${tenant}`).toBe('42501');
    }
    expect(await refusal(client, insert, [ada, adas])).toBeUndefined();
    const give = 'update clients set org_id = $1 where org_id = $2';
    expect(await refusal(client, give, [ben, ada])).toBe('42501');
    const nobody = '99999999-9999-4999-8999-999999999999';
    expect(await refusal(client, give, [nobody, ada]), 'in no tenant').toBe('42501');
    expect(await refusal(client, give, [null, ada]), 'nobody’s').toBeUndefined();
  });
});

test('F11: every index is there, valid, and the one that was meant', async () => {
  const { rows } = await client.query(
    "select indisvalid, indisunique from pg_index where indexrelid::regclass::text like 'idx\\_%\\_tenant'",
  );
  expect(rows).toHaveLength(13);
  expect(rows).toEqual(rows.map(() => ({ indisvalid: true, indisunique: false })));
});

test('no policy keeps users from emptying a table: the right to it is found, and taken back', async () => {
  const emptied = () => tried(client, () => signIn(client, ada).then(() => refusal(client, 'truncate tags')));
  expect((await flagship.perform('rights')).evidence).toMatchObject([{ rows: { length: 13 } }]);
  expect(await emptied()).toBeUndefined();
  await expect(flagship.perform('isolation')).rejects.toThrow(/past-policies by owner, .*, anonymous: got at 2 rows/);
  await flagship.perform('revoke-rights');
  expect((await flagship.perform('rights')).evidence).toMatchObject([{ rows: [] }]);
  expect(await emptied()).toBe('42501');
});

test('whatever else a user tries by hand comes to nothing', async () => {
  const { rows } = await client.query<{ id: string; own: string }>(
    `select (select id from clients where org_id = $1 limit 1) as id, (select id from clients where org_id = $2 limit 1) as own`,
    [ben, ada],
  );
  const [{ id, own } = { id: '', own: '' }] = rows;
  const bens = await tenantOf(client, ben);
  const add = (values: string) => `insert into clients (id, org_id, name) values (${values}, '${ada}', 'x')`;
  const onOneRow = [
    `update clients set notes = 'x' where id = '${id}' returning id`,
    `delete from clients where id = '${id}' returning id`,
    `select id from clients where id = '${id}' for update`,
    `merge into clients using (select '${id}'::uuid as id) as theirs on clients.id = theirs.id when matched then delete`,
  ];
  const attempts = [
    ...onOneRow,
    `${add(`'${id}'`)} on conflict (id) do update set name = 'taken' returning id`,
    `set local middlewatch.backfill = 'on'; update clients set tenant_id = '${bens}' where id = '${own}' returning id`,
    `set local middlewatch.trial = 'on'; update profiles set tenant_id = '${bens}' where id = '${ada}' returning id`,
    'set local row_security = off; select from clients',
    `create temporary table profiles as select '${ada}'::uuid as id, '${bens}'::uuid as tenant_id;
     select from clients where org_id = '${ben}'`,
    `create function pg_temp.always(uuid, uuid) returns bool language sql as 'select true';
     create operator pg_temp.= (leftarg = uuid, rightarg = uuid, function = pg_temp.always);
     set local search_path = pg_temp, public; select from clients where org_id operator(pg_catalog.=) '${ben}'`,
    `create function pg_temp.tell() returns trigger language plpgsql as 'begin return new; end';
     create trigger tell before insert on clients for each row execute function pg_temp.tell()`,
    `insert into tenants (name, owner_id) values ('mine', '${ada}')`,
    'select from middlewatch.fence',
  ];
  const got = async (sql: string) => {
    const result = await client.query(sql).catch(() => undefined);
    return [result ?? []].flat().at(-1)?.rowCount ?? 0;
  };
  for (const sql of onOneRow) {
    expect(await tried(client, () => signIn(client, ben).then(() => got(sql))), sql).toBe(1);
  }
  for (const sql of attempts) {
    expect(await tried(client, () => signIn(client, ada).then(() => got(sql))), sql).toBe(0);
  }
  for (const sub of ['null', '""', '"x"', `["${ben}"]`, `{"id": "${ben}"}`]) {
    const seen = await tried(client, async () => {
      await signIn(client, ada);
      await client.query("select set_config('request.jwt.claims', $1, true)", [`{"sub": ${sub}}`]);
      return got('select from clients');
    });
    expect(seen, sub).toBe(0);
  }
});

test('F15: isolation is proved as the users themselves, in every cell, where there is no row with one that is made up', async () => {
  await flagship.perform('revoke-rights');
  await client.query('create temp table kept as table goals; delete from goals');
  const { facts } = await flagship.perform('isolation');
  await client.query('insert into goals table kept; drop table kept');
  expect(facts).toMatchObject({ cells: 13 * 5 * 4, proved: 13 * 5 * 4, unproved: 0 });
});

test('isolation finds by itself that a row could be made that of somebody who is in no tenant', async () => {
  await client.query('drop trigger zzz_tenant_1_guard_owner on clients');
  const failing = flagship.perform('isolation');
  await expect(failing).rejects.toThrow(
    /does not hold: clients, misplaced update by owner, colleague: .*: got at 1 row/,
  );
  await client.query(
    `create trigger zzz_tenant_1_guard_owner before update on clients for each row execute function guard_row_owner('org_id')`,
  );
});

test('F17: the helper reads profiles from above their policies', async () => {
  await tried(client, async () => {
    await signIn(client, ada);
    expect(await value(client, 'select count(*)::int from profiles')).toBe(1);
  });
});

test('F19: an account goes, its tenant and the rows of its colleagues stay', async () => {
  await tried(client, async () => {
    const tenant = await tenantOf(client, ada);
    await client.query('update profiles set tenant_id = $1 where id = $2', [tenant, ben]);
    await client.query("insert into clients (org_id, name) values ($1, 'of a colleague')", [ben]);
    const rows = 'select count(*)::int from clients where tenant_id = $1';
    const were = await value(client, rows, [tenant]);
    await client.query('delete from auth.users where id = $1', [ada]);
    expect(await value(client, rows, [tenant])).toBe(were);
    await signIn(client, ben);
    expect(await value(client, rows, [tenant])).toBe(were);
  });
});

test('F20: two sign-ups of one user at once make one tenant', async () => {
  const other = await db.client();
  const tenant = await tenantOf(client, ada);
  const insert = "insert into tenants (name, owner_id) values ('again', $1) on conflict (owner_id) do nothing";
  await client.query('update tenants set owner_id = null where owner_id = $1', [ada]);
  await client.query('begin');
  await client.query(insert, [ada]);
  const second = other.query(insert, [ada]);
  await client.query('commit');
  expect((await second).rowCount).toBe(0);
  expect(await value(client, 'select count(*)::int from tenants where owner_id = $1', [ada])).toBe(1);
  await client.query('delete from tenants where owner_id = $1', [ada]);
  await client.query('update tenants set owner_id = $1 where id = $2', [ada, tenant]);
});

test('F21: the tenant follows a row that is given away', async () => {
  await tried(client, async () => {
    await client.query('update clients set org_id = $1 where org_id = $2', [ben, ada]);
    const others = 'select count(*)::int from clients where org_id = $1 and tenant_id is distinct from $2';
    expect(await value(client, others, [ben, await tenantOf(client, ben)])).toBe(0);
  });
});

test('F3, F6: everything is as it was, and the migration can be run again', async () => {
  await flagship.undo();
  await flagship.perform('catalog-as-before', 'rows-as-before');
  expect(await policiesOf()).toEqual(policies);
  expect((await client.query(flagship.sql('sql/checks/leftovers.sql', of('clients')))).rows).toEqual([]);
  const again = await openFlagship(db.env, CHOICES);
  await again.perform('create-tenants', 'fill-tenants', 'backfill-profiles', 'profiles-complete').finally(again.close);
});

async function policiesOf(): Promise<unknown[]> {
  const { rows } = await client.query('select * from pg_policies order by schemaname, tablename, policyname');
  return rows;
}
