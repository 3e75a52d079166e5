import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runbook } from '../../src/runbook/plan.ts';
import { legacyDatabase, type TestDatabase } from '../support/database.ts';
import * as asWritten from './as-written.ts';
import { flagshipRunbook, of, refusal, signIn, sqlOf, tried, value } from './flagship.ts';
import { nodes, triggersFired, twoOwners } from './plans.ts';

/*
 * What happens when the plan's SQL is run as written: each finding, shown on the legacy database in a transaction that is
 * rolled back. What holds instead is in findings.test.ts and findings-in-mid-window.test.ts, under the same number.
 */

let legacy: TestDatabase;
/** As the role that migrates. */
let before: pg.Client;
let flagship: Runbook;
let ada: string;
let ben: string;

beforeAll(async () => {
  legacy = await legacyDatabase({ rows: 400 });
  before = await legacy.client();
  flagship = await flagshipRunbook();
  [ada, ben] = await twoOwners(before);
});
afterAll(() => legacy?.drop());

test('F1: the policy of tenants reads a column that comes a step later', async () => {
  await tried(before, async () => {
    await before.query(asWritten.CREATE_TENANTS);
    expect(await refusal(before, asWritten.TENANTS_POLICY)).toBe('42703');
  });
});

test('F2: its policies cannot be answered from an index', async () => {
  await tried(before, async () => {
    await before.query(asWritten.upTo('clients'));
    await before.query('create index on clients (tenant_id)');
    await before.query(asWritten.POLICIES);
    expect(await nodes(before, ada)).toContain('Seq Scan');
  });
});

test('F3: its rollback fails, and the policy it restores shows every row to every user', async () => {
  await tried(before, async () => {
    await before.query(asWritten.upTo('clients'));
    await before.query(asWritten.POLICIES);
    expect(await refusal(before, 'alter table clients drop column if exists tenant_id')).toBe('2BP01');
    await before.query(asWritten.ROLLBACK_POLICY);
    await signIn(before, ada);
    expect(await value(before, 'select count(*)::int from clients where org_id <> $1', [ada])).toBeGreaterThan(0);
  });
});

test('F4: its backfill checks the foreign key once for each row', async () => {
  await tried(before, async () => {
    await before.query(asWritten.CREATE_TENANTS + asWritten.TENANT_FOR_EVERYONE);
    await before.query(asWritten.addColumn('profiles') + asWritten.FILL_PROFILES + asWritten.addColumn('clients'));
    const triggers = await triggersFired(before, asWritten.fill('clients'));
    const filled = await value(before, 'select count(tenant_id)::int from clients');
    expect(triggers.find((each) => each['Constraint Name'] === 'clients_tenant_id_fkey')?.Calls).toBe(filled);
  });
});

test('F5: its one UPDATE holds every row until it ends', async () => {
  const other = await legacy.client();
  await tried(before, async () => {
    await before.query('update clients set org_id = org_id');
    const last = 'select from clients order by ctid desc limit 1 for update nowait';
    await tried(other, async () => expect(await refusal(other, last)).toBe('55P03'));
  });
});

test('F6: dropped with CASCADE and run again, it leaves ids of no tenant and does not notice', async () => {
  await tried(before, async () => {
    await before.query(asWritten.upTo('clients'));
    await before.query('drop table tenants cascade');
    await before.query(asWritten.upTo('clients'));
    const nulls =
      'select count(*)::int from clients join profiles on profiles.id = org_id where clients.tenant_id is null';
    expect(await value(before, nulls)).toBe(0);
    const dangling = 'select count(*)::int from clients where tenant_id not in (select id from tenants)';
    expect(await value(before, dangling)).toBeGreaterThan(0);
    // Ours would: in the pre-checks, and in the validation.
    expect((await before.query(sqlOf(flagship, 'sql/checks/leftovers.sql', of('clients')))).rows).not.toEqual([]);
    expect(Number(await value(before, sqlOf(flagship, 'sql/validation/rows.sql', of('clients'))))).toBeGreaterThan(0);
  });
});

test('F7: what old clients write after the backfill has no tenant', async () => {
  await tried(before, async () => {
    await before.query(asWritten.upTo('clients'));
    const insert = "insert into clients (org_id, name) values ($1, 'new') returning tenant_id";
    expect(await value(before, insert, [ada])).toBeNull();
  });
});

test('F8: a user moves into the tenant of another', async () => {
  await tried(before, async () => {
    await before.query(asWritten.upTo('clients') + asWritten.POLICIES);
    const bens = await value(before, 'select tenant_id from profiles where id = $1', [ben]);
    await signIn(before, ada);
    await before.query('update profiles set tenant_id = $1 where id = $2', [bens, ada]);
    expect(await value(before, 'select count(*)::int from clients where org_id = $1', [ben])).toBeGreaterThan(0);
  });
});

test('F9: a user plants a row in the tenant of another', async () => {
  await tried(before, async () => {
    await before.query(asWritten.upTo('clients') + asWritten.POLICIES);
    const bens = await value(before, 'select tenant_id from profiles where id = $1', [ben]);
    await signIn(before, ada);
    await before.query("insert into clients (org_id, name, tenant_id) values ($1, 'planted', $2)", [ada, bens]);
    await signIn(before, ben);
    expect(await value(before, "select count(*)::int from clients where name = 'planted'")).toBe(1);
  });
});

test('F10: a policy it does not name lets everybody read', async () => {
  await tried(before, async () => {
    await before.query('drop policy if exists "Authenticated users can view tags" on tags');
    await signIn(before, ada);
    expect(await value(before, 'select count(*)::int from tags where org_id <> $1', [ada])).toBeGreaterThan(0);
  });
});

test('F11: an index whose build failed is taken for one that is there', async () => {
  const build = 'create unique index concurrently idx_clients_tenant on clients (kind)';
  await expect(before.query(build)).rejects.toMatchObject({ code: '23505' });
  await before.query('create index if not exists idx_clients_tenant on clients (kind)');
  expect(await value(before, "select indisvalid from pg_index where indexrelid = 'idx_clients_tenant'::regclass")).toBe(
    false,
  );
  await before.query('drop index idx_clients_tenant');
});

test('F12: policies of several tables in one transaction deadlock with the application', async () => {
  const application = await legacy.superuser.connect();
  await before.query('begin');
  await before.query('drop policy "Users can delete their clients" on clients');
  await application.query("begin; set local deadlock_timeout = '10ms'; select from orders limit 1");
  const dropping = before.query('drop policy "Users can delete their orders" on orders');
  const waiting = "select count(*)::int from pg_locks where relation = 'orders'::regclass and not granted";
  await expect.poll(() => value(legacy.superuser, waiting)).toBe(1);
  // Whoever of the two looks first is told.
  const both = await Promise.allSettled([application.query('select from clients limit 1'), dropping]);
  expect(both.filter(({ status }) => status === 'rejected')).toMatchObject([{ reason: { code: '40P01' } }]);
  await before.query('rollback');
  await application.query('rollback');
  application.release();
});

test('F13: a new column makes another statement of SELECT *', async () => {
  await tried(before, async () => {
    const read = 'select * from clients order by id';
    await before.query(read);
    await before.query(asWritten.CREATE_TENANTS + asWritten.addColumn('clients'));
    await before.query(read);
    const ids = `select count(distinct queryid)::int from pg_stat_statements
      where query = $1 and dbid = (select oid from pg_database where datname = current_database())`;
    expect(await value(before, ids, [read])).toBe(2);
  });
});

test('F14: the triggers of the tables overwrite updated_at', async () => {
  await tried(before, async () => {
    const sum = 'select sum(extract(epoch from updated_at)) from clients';
    const was = await value(before, sum);
    await before.query(asWritten.upTo('clients'));
    expect(await value(before, sum)).not.toBe(was);
  });
});

test('F15: its checks, run as the owner, see what no user sees', async () => {
  await tried(before, async () => {
    const seen = 'select count(*)::int from clients where org_id <> $1';
    await before.query("select set_config('request.jwt.claims', $1, true)", [JSON.stringify({ sub: ada })]);
    expect(await value(before, seen, [ada])).toBeGreaterThan(0);
    await signIn(before, ada);
    expect(await value(before, seen, [ada])).toBe(0);
  });
});

test('F16: behind an ALTER TABLE that waits, every reader waits', async () => {
  const [longReader, reader] = [await legacy.client(), await legacy.client()];
  await tried(longReader, async () => {
    await longReader.query('select from clients limit 1');
    await before.query('begin');
    const altering = before.query('alter table clients add column waits uuid');
    const waiting = "select count(*)::int from pg_locks where relation = 'clients'::regclass and not granted";
    await expect.poll(() => value(reader, waiting)).toBe(1);
    await tried(reader, async () => {
      expect(await refusal(reader, 'lock table clients in access share mode nowait')).toBe('55P03');
    });
    await longReader.query('rollback');
    await altering;
    await before.query('rollback');
    await longReader.query('begin');
  });
});

test('F17: a policy of profiles that reads profiles never ends', async () => {
  await tried(before, async () => {
    await before.query(asWritten.upTo('clients'));
    await before.query(`create policy additive on profiles for select
      using (id = auth.uid() or tenant_id in (select tenant_id from profiles where id = auth.uid()))`);
    await signIn(before, ada);
    expect(await refusal(before, 'select from profiles')).toBe('42P17');
  });
});

test('F19: accounts can no longer be deleted', async () => {
  await tried(before, async () => {
    await before.query(asWritten.CREATE_TENANTS + asWritten.TENANT_FOR_EVERYONE);
    expect(await refusal(before, 'delete from auth.users where id = $1', [ada])).toBe('23503');
  });
});

test('F20: nothing keeps a user from having two tenants', async () => {
  await tried(before, async () => {
    await before.query(asWritten.CREATE_TENANTS + asWritten.TENANT_FOR_EVERYONE);
    await before.query("insert into tenants (name, owner_id) values ('again', $1) on conflict do nothing", [ada]);
    expect(await value(before, 'select count(*)::int from tenants where owner_id = $1', [ada])).toBe(2);
  });
});

test('F21: when an old client gives a row away, its tenant stays behind', async () => {
  await tried(before, async () => {
    await before.query(asWritten.upTo('clients'));
    await before.query('update clients set org_id = $1 where org_id = $2', [ben, ada]);
    const astray = `select count(*)::int from clients join profiles on profiles.id = org_id
      where clients.tenant_id <> profiles.tenant_id`;
    expect(await value(before, astray)).toBeGreaterThan(0);
  });
});

test('F22: a role that may not look sees no transaction while there is one', async () => {
  const busy = await legacy.superuser.connect();
  const blind = await legacy.client();
  await busy.query('begin; select 1');
  await tried(blind, async () => {
    await blind.query('set local role authenticated');
    expect((await blind.query(asWritten.ACTIVE_TRANSACTIONS)).rows).toEqual([]);
    const { rows } = await blind.query(sqlOf(flagship, 'sql/checks/active-transactions.sql'));
    expect(rows.map((row: { state: string }) => row.state)).toContain('cannot tell');
  });
  await busy.query('rollback');
  busy.release();
});
