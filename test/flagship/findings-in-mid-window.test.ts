import type pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { legacyDatabase, type TestDatabase } from '../support/database.ts';
import { type Flagship, of, openFlagship, refusal, signIn, tenantOf, tried, value } from './flagship.ts';
import { triggersFired, twoOwners } from './plans.ts';

// What the findings are about, held by the flagship while its backfill is under way.

let db: TestDatabase;
let flagship: Flagship;
/** As the role that migrates. */
let client: pg.Client;
let ada: string;
let ben: string;

/** Every row of a batch's blocks, as the last pass of a backfill takes them. */
const ALL_OF = { slice: '0', slices: '1' };

let sumBefore: unknown;
const updatedAt = 'select sum(extract(epoch from updated_at)) from clients';

beforeAll(async () => {
  db = await legacyDatabase({ rows: 400 });
  client = await db.client();
  [ada, ben] = await twoOwners(client);
  sumBefore = await value(client, updatedAt);
  flagship = await openFlagship(db.env);
  await flagship.perform('create-tenants', 'fill-tenants', 'backfill-profiles', 'row-triggers', 'add-column');
});
afterAll(async () => {
  await flagship?.close();
  await db?.drop();
});

test('F4: a batch of the backfill checks no foreign key', async () => {
  await tried(client, async () => {
    await client.query("select set_config('middlewatch.backfill', 'on', true)");
    const batch = flagship.sql('sql/backfill/owned.sql', {
      ...of('clients'),
      ...ALL_OF,
      from_tid: '(0,0)',
      to_tid: '(1000,0)',
    });
    const triggers = await triggersFired(client, batch);
    expect(triggers.length).toBeGreaterThan(0);
    expect(triggers.filter((each) => each['Constraint Name'] !== undefined)).toEqual([]);
  });
});

test('F5: a batch holds the rows of its blocks and no other', async () => {
  const other = await db.client();
  await tried(client, async () => {
    await client.query(
      flagship.sql('sql/backfill/owned.sql', { ...of('orders'), ...ALL_OF, from_tid: '(0,0)', to_tid: '(1,0)' }),
    );
    await tried(other, async () => {
      const row = (where: string) =>
        `select from orders where ${where} and org_id in (select id from profiles) limit 1 for update nowait`;
      expect(await refusal(other, row("ctid < '(1,0)'"))).toBe('55P03');
      expect(await refusal(other, row("ctid >= '(1,0)'"))).toBeUndefined();
    });
  });
});

test('F9: already before the policies are there, a row goes into no tenant but one’s own', async () => {
  const bens = await tenantOf(client, ben);
  await tried(client, async () => {
    await signIn(client, ada);
    const insert = "insert into clients (org_id, name, tenant_id) values ($1, 'planted', $2)";
    expect(await refusal(client, insert, [ada, bens])).toBe('42501');
    expect(await refusal(client, 'update clients set tenant_id = $1 where org_id = $2', [bens, ada])).toBe('42501');
  });
});

test('F14: nobody passes for the backfill in what others’ functions change for them', async () => {
  const { user, password } = inject('logins').application;
  const application = await db.client({ user, password });
  await client.query(`create function note_something() returns setof text language sql security definer
    begin atomic update clients set notes = 'noted' where org_id = auth.uid() returning notes; end`);
  await tried(application, async () => {
    await signIn(application, ada);
    await application.query("set local middlewatch.backfill = 'on'");
    expect(await value(application, 'select note_something()')).toBe('noted');
  });
  await client.query('drop function note_something');
});

test('F7, F14, F18: the backfill fills what came meanwhile, leaves the rest of each row, and names the orphans', async () => {
  await client.query("insert into clients (org_id, name, updated_at) values ($1, 'meanwhile', 'epoch')", [ben]);
  const orphans = await value(
    client,
    'select count(*)::int from clients where org_id is null or org_id not in (select id from profiles)',
  );
  const { exceptions = [] } = await flagship.perform('backfill-tables');
  expect(await value(client, "select tenant_id from clients where name = 'meanwhile'")).toBe(
    await tenantOf(client, ben),
  );
  expect(await value(client, updatedAt)).toBe(sumBefore);
  expect(await value(client, 'select count(*)::int from clients where tenant_id is null')).toBe(orphans);
  expect(exceptions.join()).toContain(`clients: ${orphans} `);
  const listed = (await client.query(flagship.sql('sql/checks/orphans.sql', of('clients')))).rows;
  expect(listed.reduce((sum, row) => sum + Number(row.rows), 0)).toBe(orphans);
});
