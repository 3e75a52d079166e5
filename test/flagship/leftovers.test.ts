import type pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { legacyDatabase, type TestDatabase } from '../support/database.ts';
import { type Flagship, of, openFlagship, texts } from './flagship.ts';

/* What an earlier attempt left is told, and cleared without what is somebody else's. */

let db: TestDatabase;
let superuser: pg.PoolClient;
let flagship: Flagship;
beforeAll(async () => {
  db = await legacyDatabase({ rows: 20 });
  superuser = await db.superuser.connect();
  flagship = await openFlagship(db.env);
});
afterEach(async () => {
  await superuser.query('rollback');
});
afterAll(async () => {
  superuser?.release();
  await flagship?.close();
  await db?.drop();
});

const leftOnTags = () => texts(superuser, flagship.sql('sql/checks/leftovers.sql', of('tags')));

test('what stands in the way of clearing what an earlier attempt left', async () => {
  await superuser.query(`begin; alter table tags add tenant_id uuid; create index on tags (tenant_id);
    create policy "in the plan's words" on tags for select using (tenant_id is not null);
    create view tenants_tags as select tenant_id from tags`);
  const left = await leftOnTags();
  expect(left.map((each) => each.split(' | ').slice(0, 2).join())).toEqual([
    'column,tenant_id',
    'index,tags_tenant_id_idx',
    "in the way,policy in the plan's words on table tags",
    'in the way,rule _RETURN on view tenants_tags',
  ]);
  const clear = flagship.sql('sql/leftovers/clear-table.sql', of('tags'));
  await expect(superuser.query(clear)).rejects.toThrow(/in the plan's words/);
});

test('clearing takes nothing with it that is about something else', async () => {
  await superuser.query(`begin; alter table tags add tenant_id uuid, add constraint named check (tenant_id is null or name <> '');
    create function current_tenant_id(int) returns int language sql as 'select $1';
    create function mine() returns trigger language plpgsql as 'begin return new; end';
    create trigger zzz_tenant_own before insert on tags for each row execute function mine()`);
  const left = await leftOnTags();
  expect(left.map((each) => each.split(' | ').slice(0, 2).join())).toEqual([
    'column,tenant_id',
    'in the way,constraint named on table tags',
  ]);
  await superuser.query('savepoint there');
  const clear = flagship.sql('sql/leftovers/clear-table.sql', of('tags'));
  await expect(superuser.query(clear)).rejects.toThrow(/left on tags: constraint named/);
  await superuser.query('rollback to there; alter table tags drop constraint named');
  await superuser.query(clear);
  await superuser.query(flagship.sql('sql/leftovers/clear-tenants.sql'));
  expect(
    await texts(superuser, 'select tgname from pg_trigger where tgrelid = $$tags$$::regclass and not tgisinternal'),
  ).toContain('zzz_tenant_own');
  expect(await texts(superuser, 'select current_tenant_id(1)')).toEqual(['1']);
});

test('what has the name of a leftover and is none stays', async () => {
  await superuser.query(`begin; alter table tags add tenant_id bigint generated always as identity, add tenant text;
    create index idx_tags_by_tenant on tags (tenant); create index idx_tags_tenant on tags (tenant)`);
  const left = await leftOnTags();
  expect(left.map((each) => each.split(' | ').slice(0, 2).join())).toEqual([
    'in the way,column tenant_id of type bigint',
    'index,idx_tags_tenant',
  ]);
  const clear = flagship.sql('sql/leftovers/clear-table.sql', of('tags'));
  await expect(superuser.query(clear)).rejects.toThrow(/tags\.tenant_id is not what an earlier attempt .* type bigint/);
});
