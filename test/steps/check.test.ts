import { afterEach, beforeEach, expect, it } from 'vitest';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { actOf, stepOf } from './acting.ts';
import { finished, performing } from './performing.ts';

let db: TestDatabase;
beforeEach(async () => {
  db = await freshDatabase();
  await db.superuser.query(`
    create table "order" (id int primary key, text text, at timestamptz default now(), tenant int);
    create table bare (data json, price numeric, "Odd ""name" bytea);
    insert into "order" (id, text) select n, 'row ' || n from generate_series(1, 500) n;
    insert into bare select '{"a": 1}', n / 3.0, '\\x00ff' from generate_series(1, 100) n;
    do $$ begin
      if current_setting('server_version_num')::int >= 180000 then
        execute 'alter table "order" add twice int generated always as (id * 2) virtual';
      end if;
    end $$`);
});
afterEach(() => db.drop());

const PARTS = { lists: { tables: ['order', 'bare'].map((name) => ({ name, schema: 'public' })) } };
const REMEMBER = stepOf('check', { id: 'before', rows: 'remember', tables: 'tables', ignore_columns: ['tenant'] });
const COMPARE = stepOf('check', { id: 'after', rows: 'compare', tables: 'tables', ignore_columns: ['tenant'] });
const triggers = async () =>
  (await db.superuser.query("select from pg_trigger where tgname like 'middlewatch%'")).rowCount;

/** A session of the application: its own settings, among them one of ours, and no right to anything of ours. */
async function application() {
  const role = `app_${db.name}`;
  await db.superuser.query(`create role ${role}; grant all on "order", bare to ${role}`);
  const client = await db.client();
  await client.query(
    `set session authorization ${role}; set middlewatch.run = 'one'; set timezone = 'Asia/Kolkata'; set datestyle = 'German'; set bytea_output = 'escape'`,
  );
  return Object.assign(client, {
    async [Symbol.asyncDispose]() {
      await client.query('reset session authorization');
      await db.superuser.query(`drop owned by ${role}; drop role ${role}`);
    },
  });
}

/** The migration: adds a column and fills it, in transactions of the run. */
const MIGRATION = stepOf('sql', { id: 'migrate', files: ['migrate.sql'] });
const migrating = (sql: string) =>
  performing(db.env, {
    parts: PARTS,
    files: { 'migrate.sql': `alter table bare add new_column int; update "order" set tenant = id; ${sql}` },
  });

it('finds every row as it was, while the application writes in all the ways there are', async () => {
  await using performer = await migrating('');
  await using app = await application();
  await app.query('insert into "order" (id, text) values (9001, \'in flight\')');
  await finished(performer, REMEMBER);
  await app.query("insert into \"order\" (id, text) values (9002, 'new'), (9003, 'newer')");
  await app.query('update "order" set text = \'changed\' where id <= 10');
  await finished(performer, MIGRATION);
  await app.query('update "order" set id = -id where id = 20');
  await app.query('delete from "order" where id between 100 and 120');
  await app.query(
    "insert into \"order\" (id, text) values (30, 'mine') on conflict (id) do update set text = 'upserted'",
  );
  await app.query('begin; delete from "order"; rollback');
  await app.query('truncate bare');
  await app.query(`insert into bare values ('{"b": 2}', 1.50, '\\xcafe')`);
  const result = await finished(performer, COMPARE);
  expect(result.facts).toMatchObject({ tables: 2, touched: 2 + 10 + 1 + 21 + 1 + 100 + 1 });
  expect(await triggers()).toBe(0);
});

it('takes no table for empty that is being emptied and filled anew while it is counted', async () => {
  await using performer = await migrating('');
  await using app = await application();
  await finished(performer, REMEMBER);
  await app.query(`begin; truncate bare; insert into bare values ('{"b": 2}', 1.50, '\\xcafe')`);
  const comparing = finished(performer, COMPARE);
  const waiting = "select from pg_locks where relation = 'bare'::regclass and not granted";
  await expect.poll(async () => (await db.superuser.query(waiting)).rowCount).toBe(1);
  await app.query('commit');
  expect((await comparing).facts).toMatchObject({ touched: 100 + 1 });
});

it.each([
  ['a row that is gone', 'delete from "order" where id = 77', /"order": 1 rows are gone/],
  ['a row that appeared', "insert into bare values ('{}', 1, '')", /bare": 1 rows appeared/],
  ['a value that changed', 'update "order" set text = \'oops\' where id = 77', /"order": some were changed/],
  [
    'a gone row made up for by another',
    'delete from "order" where id = 77; insert into "order" (id) values (-1)',
    /some were/,
  ],
])('notices %s', async (_, sql, message) => {
  await using performer = await migrating(sql);
  await finished(performer, REMEMBER);
  await finished(performer, MIGRATION);
  await db.superuser.query('update "order" set text = \'by the application\' where id = 77');
  const error = await performer.perform(COMPARE, actOf()).catch((error: unknown) => error);
  expect((error as Error).message).toMatch(message);
  expect(performer.explain(error).evidence).toHaveLength(1);
});

it('compares after a rollback, too, that took the triggers away', async () => {
  await using performer = await migrating('');
  await finished(performer, REMEMBER);
  await db.superuser.query('delete from "order" where id = 1');
  await performer.undo(REMEMBER, actOf());
  expect(await triggers()).toBe(0);
  await db.superuser.query('delete from "order" where id = 2');
  expect((await finished(performer, COMPARE)).facts).toMatchObject({ touched: 1 });
});

it('compares what a rollback does after the first comparison, and does not forget what that one found', async () => {
  const drop = stepOf('sql', { id: 'drop', files: ['drop.sql'] });
  const deletes = (id: number) => ({ 'drop.sql': `delete from "order" where id = ${id}` });
  const rolledBack = async () => {
    await using performer = await performing(db.env, { parts: PARTS, files: deletes(300), run: 'one' });
    await finished(performer, REMEMBER);
    await finished(performer, COMPARE);
    await db.superuser.query('delete from "order" where id = 1');
    await performer.undo(COMPARE, actOf());
    await db.superuser.query('delete from "order" where id = 2');
    await finished(performer, drop);
    await performer.undo(REMEMBER, actOf());
    return await performer.perform(COMPARE, actOf()).catch((error: Error) => error.message);
  };
  expect(await rolledBack()).toMatch(/"order": 1 rows are gone/);
  expect(await triggers()).toBe(0);

  await using performer = await performing(db.env, { parts: PARTS, files: deletes(301), run: 'two' });
  await finished(performer, REMEMBER);
  await finished(performer, drop);
  await expect(performer.perform(COMPARE, actOf())).rejects.toThrow(/1 rows are gone/);
  await performer.undo(COMPARE, actOf());
  await performer.undo(REMEMBER, actOf());
  await expect(performer.perform(COMPARE, actOf())).rejects.toThrow(/1 rows are gone/);
});

it('follows the rows of a partitioned table, to whatever partition they are written or move', async () => {
  await db.superuser.query(`
    create table split (id int, at int, tenant int) partition by range (at);
    create table low (tenant int, at int, id int);
    alter table split attach partition low for values from (0) to (100);
    create table high partition of split for values from (100) to (200);
    create table rest partition of split default;
    insert into split select n, n from generate_series(1, 250) n`);
  const lists = { tables: [{ name: 'split', schema: 'public' }] };
  const lose = { 'lose.sql': 'delete from low where id = 7' };
  await using performer = await performing(db.env, { parts: { lists }, files: lose });
  const before = await finished(performer, REMEMBER);
  expect(before.facts).toEqual({ 'split.rows': 250 });
  await db.superuser.query(`
    insert into low (id, at) values (300, 3); insert into split values (301, 150);
    update split set at = at + 100 where id = 9; update high set id = -id where at = 101; update low set tenant = 1;
    delete from split where id = 20; delete from high where id = 120;
    truncate rest; insert into rest values (250, 250);
    create table later partition of split for values from (300) to (400); insert into split values (302, 302)`);
  await finished(performer, COMPARE);
  await performer.undo(COMPARE, actOf());
  await db.superuser.query('truncate split; insert into split select n, n from generate_series(1, 10) n');
  await finished(performer, COMPARE);
  await performer.undo(COMPARE, actOf());
  await finished(performer, stepOf('sql', { files: ['lose.sql'] }));
  await expect(performer.perform(COMPARE, actOf())).rejects.toThrow(/split": 1 rows are gone/);
});

it('looks on no longer when a run is called off', async () => {
  await using performer = await performing(db.env, { parts: PARTS });
  await finished(performer, REMEMBER);
  expect(await triggers()).toBe(8);
  await performer.letGo(1, new AbortController().signal);
  expect(await triggers()).toBe(0);
});

it.each([
  ['dropped', 'drop column text', 'add column text text'],
  ['renamed', 'rename column text to words', 'rename column words to text'],
])('never fails the application where a column was %s, and then says that it cannot tell', async (_, change, back) => {
  await db.superuser.query(`
    create table parted (id int, text text) partition by range (id);
    create table part partition of parted for values from (-1000) to (1000);
    insert into parted select n, n from generate_series(1, 20) n`);
  const lists = { tables: ['"order"', 'parted'].map((name) => ({ name: name.replaceAll('"', ''), schema: 'public' })) };
  await using performer = await performing(db.env, { parts: { lists } });
  await finished(performer, REMEMBER);
  for (const table of ['"order"', 'parted', 'part']) {
    await db.superuser.query(`update ${table} set id = id where id = 4`);
    if (table !== 'part') await db.superuser.query(`alter table ${table} ${change}`);
    await db.superuser.query(`update ${table} set id = -id where id in (2, 3)`);
    await db.superuser.query(`delete from ${table} where id = 1`);
    await db.superuser.query(`insert into ${table} (id) values (900)`);
  }
  for (const table of ['"order"', 'parted']) await db.superuser.query(`alter table ${table} ${back}`);
  const error = await performer.perform(COMPARE, actOf()).catch((error: Error) => error.message);
  expect(error).toMatch(/"order": cannot tell/);
  expect(error).toMatch(/parted": cannot tell/);
});

it('shows what changed in the catalog, and nothing when it was changed back', async () => {
  await using performer = await performing(db.env);
  const remember = stepOf('check', { id: 'catalog-before', catalog: 'remember' });
  const compare = stepOf('check', { id: 'catalog-after', catalog: 'compare' });
  await finished(performer, remember);
  await db.superuser.query(`
    alter table "order" add column extra int; create index extra on "order" (extra);
    revoke select on bare from public; grant select on bare to public;
    create function f() returns int language sql as 'select 1'`);
  const error = await performer.perform(compare, actOf()).catch((error: unknown) => error);
  const [evidence] = performer.explain(error).evidence ?? [];
  const lines = evidence?.kind === 'rows' ? evidence.rows.map((row) => row.join(' ')) : [];
  expect(lines).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^new column public\."order"\.extra integer/),
      expect.stringMatching(/^new index CREATE INDEX extra/),
      expect.stringMatching(/^new function public\.f\(\)/),
      expect.stringMatching(/^gone table public\.bare/),
    ]),
  );
  await db.superuser.query(`
    drop function f(); alter table "order" drop column extra; revoke select on bare from public`);
  await finished(performer, compare);
  await finished(performer, remember);
});

it('holds a query against its expectation and shows what it found', async () => {
  await using performer = await performing(db.env, {
    // A setting gives way to the field of an item that has its name.
    parts: { ...PARTS, settings: { least: '500', name: 'no such table' } },
    files: {
      'count.sql': "select count(*) from \"order\" where id <> :'id'::int having count(*) >= :'least'::int - 1",
      'list.sql': 'select id, text from "order" order by id limit 60',
      'each.sql': 'select count(*) from :"schema".:"name"',
      'write.sql': 'delete from "order"',
    },
  });
  const count = stepOf('check', { sql: 'count.sql', vars: { id: '1' }, expect: { rows: 1, value: { equals: 499 } } });
  expect((await finished(performer, count)).facts).toEqual({ rows: 1, value: '499' });
  const none = stepOf('check', { sql: 'list.sql', expect: { rows: 0 } });
  const error = await performer.perform(none, actOf()).catch((error: unknown) => error);
  expect(performer.explain(error)).toMatchObject({
    message: 'Not as expected: 60 rows, expected none.',
    evidence: [{ columns: ['id', 'text'], rows: expect.arrayContaining([['1', 'row 1']]), more: 10 }],
  });
  const each = stepOf('check', { sql: 'each.sql', tables: 'tables', expect: { value: { at_least: 200 } } });
  await expect(performer.perform(each, actOf())).rejects.toThrow('bare: the value is 100, expected at least 200');
  const perItem = await performer.perform(each, actOf()).catch((error: unknown) => error);
  expect(performer.explain(perItem).evidence).toMatchObject([
    {
      columns: ['of', 'count'],
      rows: [
        ['order', '500'],
        ['bare', '100'],
      ],
    },
  ]);
  // A check looks; it cannot change anything.
  await expect(performer.perform(stepOf('check', { sql: 'write.sql' }), actOf())).rejects.toThrow('read-only');
});

it('covers secrets that turn up in rows (P10)', async () => {
  await using performer = await performing(
    { ...db.env, MAIL_PASSWORD: 'swordfish' },
    { files: { 'leak.sql': "select 'smtp://me:swordfish@mail' as url" } },
  );
  const result = await finished(performer, stepOf('check', { sql: 'leak.sql' }));
  expect(JSON.stringify(result)).toContain('smtp://me:••••@mail');
  expect(JSON.stringify(result)).not.toContain('swordfish');
});
