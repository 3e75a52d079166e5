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
