import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Item } from '../../src/runbook/schema.ts';
import type { Step } from '../../src/runbook/step-schema.ts';
import { databaseOf, legacyDatabase, type TestDatabase } from '../support/database.ts';
import { editedRunbook, everything, openFlagship, PROFILES } from './flagship.ts';

/*
 * The way back from everywhere: after each step that can leave something behind, all is undone and compared with what was
 * there before; then the migration goes on, from its beginning, one step further.
 */

const DATABASES: { of: string; label: string; tables: Item[]; make(): Promise<TestDatabase> }[] = [
  {
    of: 'the legacy application',
    label: 'name',
    tables: ['cases', 'tags'].map((name) => ({ name, schema: 'public', owner: 'org_id', key: 'id' })),
    make: () => legacyDatabase(),
  },
  {
    of: "another team's database",
    label: 'Full Name',
    tables: [
      { name: 'order', schema: 'public', owner: 'org_id', key: 'id' },
      { name: 'Events', schema: 'public', owner: 'org_id', key: 'id' },
    ],
    make: async () => databaseOf(await readFile(new URL('./foreign.sql', import.meta.url), 'utf8')),
  },
];
const CHOICES = { 'unexpected-policies': 'drop', orphans: 'quarantine' };
const CLEARING = new Set(['clear-table', 'clear-tenants']);

/** Steps that ask the database for more than a look. */
const changes = (step: Step) =>
  ['sql', 'backfill', 'index', 'policies'].includes(step.kind) ||
  (step.kind === 'check' && (step.catalog ?? step.rows) !== undefined);

describe.each(DATABASES)('$of', ({ label, tables, make }) => {
  let db: TestDatabase;
  let client: pg.Client;
  beforeAll(async () => {
    db = await make();
    client = await db.client();
  });
  afterAll(() => db?.drop());

  test('is as it was after a rollback from any step', { timeout: 180_000 }, async () => {
    const runbook = await editedRunbook(tables, label);
    const open = () => openFlagship(db.env, CHOICES, runbook);
    await using clearing = await open();
    await clearing.perform(...CLEARING);
    const all = [PROFILES, ...tables];
    const before = await everything(client, all);
    const steps = runbook.activities
      .filter(({ phase }) => phase !== 'rollback')
      .flatMap((activity) => activity.steps)
      .filter((step) => changes(step) && !CLEARING.has(step.id.split('.')[0] ?? ''))
      .map(({ id }) => id);
    expect(steps.length).toBeGreaterThan(30);
    const start = steps.indexOf('rows-before');
    for (const [i, last] of steps.entries()) {
      if (i < start) continue;
      await using flagship = await open();
      await flagship.perform(...steps.slice(0, i + 1));
      await flagship.undo();
      await flagship.perform('catalog-as-before', 'rows-as-before');
      expect(await everything(client, all), `after ${last}`).toEqual(before);
    }
  });
});

test('what the new columns and the tenants held is kept', async () => {
  await using db = await legacyDatabase();
  const tables = [{ name: 'orders', schema: 'public', owner: 'org_id', key: 'id' }];
  await using flagship = await openFlagship(db.env, CHOICES, await editedRunbook(tables, 'name'));
  await flagship.perform('create-tenants', 'fill-tenants', 'backfill-profiles', 'row-triggers', 'add-column');
  await flagship.perform('backfill-tables');
  const all = async (sql: string) =>
    (await db.superuser.query({ text: sql, rowMode: 'array' })).rows.map(String).sort();
  const held = {
    'add-column.orders.owned.csv': await all('select id, org_id, tenant_id from orders where tenant_id is not null'),
    'create-tenants.profiles.csv': await all('select id, tenant_id from profiles'),
    'create-tenants.tenants.csv': await all('select id from tenants'),
  };
  await flagship.undo();
  expect((await readdir(flagship.exports)).sort()).toEqual(Object.keys(held));
  for (const [name, rows] of Object.entries(held)) {
    const [, ...lines] = (await readFile(join(flagship.exports, name), 'utf8')).trimEnd().split('\n');
    const columns = rows[0]?.split(',').length;
    const kept = lines.map((line) => line.replaceAll('"', '').split(',').slice(0, columns).join());
    expect(kept.sort(), name).toEqual(rows);
  }
});

describe('the list of migrations', () => {
  const VERSIONS = ['20251110000001', '20251110000002', '20251110000003', '20251110000004'];
  const LIST = `create schema supabase_migrations authorization postgres; set role postgres;
    create table supabase_migrations.schema_migrations`;
  test.each([
    ['of today', `${LIST} (version text primary key, statements text[], name text)`, []],
    ['without names', `${LIST} (version text primary key)`, []],
    ['that knows a version already', `${LIST} (version text primary key, name text)`, ['20251110000002']],
  ])('%s: holds the migration until it is taken back', async (_, sql, already) => {
    await using db = await databaseOf(sql);
    const client = await db.client();
    const listed = async () =>
      (await client.query('select version from supabase_migrations.schema_migrations order by 1')).rows.map(
        ({ version }) => version,
      );
    for (const version of already) {
      await client.query('insert into supabase_migrations.schema_migrations (version) values ($1)', [version]);
    }
    await using flagship = await openFlagship(db.env);
    await flagship.perform('record');
    expect(await listed()).toEqual(VERSIONS);
    await flagship.undo();
    expect(await listed()).toEqual(already);
    await flagship.perform('record');
    expect(await listed()).toEqual(VERSIONS);
  });

  test('that the role may not write is said in the pre-checks', async () => {
    await using db = await legacyDatabase();
    await db.superuser.query('alter table supabase_migrations.schema_migrations owner to supabase_admin');
    await using flagship = await openFlagship(db.env);
    await expect(flagship.perform('abilities')).rejects.toMatchObject({
      evidence: [{ rows: [[expect.stringMatching('supabase_migrations.schema_migrations'), expect.anything()]] }],
    });
  });

  test('is nothing where there is none', async () => {
    await using db = await databaseOf('');
    await using flagship = await openFlagship(db.env);
    await flagship.perform('record');
    await flagship.undo();
    const { rows } = await db.superuser.query("select to_regnamespace('supabase_migrations') as made");
    expect(rows).toEqual([{ made: null }]);
  });
});
