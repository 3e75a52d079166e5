import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { legacyDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { type Flagship, of, openFlagship, tried, value } from './flagship.ts';

/* Rights that no policy is asked about are taken from users, and given back. */

let db: TestDatabase;
let flagship: Flagship;
let client: pg.Client;
beforeAll(async () => {
  db = await legacyDatabase({ rows: 20 });
  client = await db.client();
  flagship = await openFlagship(db.env, { rights: 'revoke' });
});
afterAll(async () => {
  await flagship?.close();
  await db?.drop();
});

test('a rollback gives back rights that were taken, and does nothing else that stands among them', async () => {
  const rights = (grantee: string) =>
    value(
      client,
      `select string_agg(privilege_type, ' ' order by privilege_type) from pg_class, aclexplode(relacl)
        where pg_class.oid = 'tags'::regclass and grantee = to_regrole($1)`,
      [grantee],
    );
  await flagship.perform('revoke-rights');
  const before = await rights('anon');
  expect(before).not.toContain('TRUNCATE');
  await tried(client, async () => {
    await client.query(`
      create table wanted ();
      insert into middlewatch.revoked
      values ('public.tags', 0, 'select on wanted to anon; drop table wanted; grant select', false)`);
    await client.query(flagship.sql('sql/policies/rights-undo.sql', of('tags')));
    expect(await value(client, "select to_regclass('wanted') is not null")).toBe(true);
    expect(await rights('anon')).toContain('TRUNCATE');
  });
});

test.each(['rights-undo', 'rights'])("%s lets the application's TRUNCATE wait, and not fail", async (file) => {
  await flagship.perform('revoke-rights');
  const granting = await db.client();
  await granting.query('begin');
  await granting.query(flagship.sql(`sql/policies/${file}.sql`, of('tags')));
  const emptied = tried(client, () => client.query('truncate tags'));
  await eventually(async () => {
    const { rowCount } = await db.superuser.query(
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query = 'truncate tags'",
    );
    expect(rowCount).toBe(1);
  });
  await granting.query('commit');
  await emptied;
});

test('what cannot be taken back is told before, and stops it', async () => {
  const granter = `granter_${db.name}`;
  const superuser = await db.superuser.connect();
  await superuser.query(`create role ${granter}`);
  try {
    await superuser.query(`revoke truncate, trigger on goals from public, anon, authenticated;
      grant truncate on goals to ${granter} with grant option; set role ${granter}; grant truncate on goals to authenticated;
      reset role`);
    const { evidence } = await flagship.perform('rights');
    const [shown] = evidence ?? [];
    expect(shown?.kind === 'rows' && shown.rows.find(([table]) => table === 'goals')).toEqual([
      ...['goals', 'TRUNCATE', 'authenticated', `granted by ${granter}`],
    ]);
    const revoke = tried(client, () => client.query(flagship.sql('sql/policies/rights.sql', of('goals'))));
    await expect(revoke).rejects.toThrow(/Users hold still: TRUNCATE on goals by authenticated/);
  } finally {
    await superuser.query(`reset role; drop owned by ${granter}; drop role ${granter}`);
    superuser.release();
  }
});
