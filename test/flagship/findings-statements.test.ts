import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runbook } from '../../src/runbook/plan.ts';
import { legacyDatabase, type TestDatabase } from '../support/database.ts';
import { flagshipRunbook, signIn, sqlOf, tried, value } from './flagship.ts';
import { twoOwners } from './plans.ts';

// F13: what statements cost before and after a migration that adds a column, as the flagship compares it.

let db: TestDatabase;
let flagship: Runbook;
/** As the role that migrates. */
let client: pg.Client;
let ada: string;

beforeAll(async () => {
  db = await legacyDatabase({ rows: 400 });
  client = await db.client();
  flagship = await flagshipRunbook();
  [ada] = await twoOwners(client);
});
afterAll(() => db?.drop());

test('what a statement costs is told by its text, whatever its columns', async () => {
  const read = 'select * from clients order by id';
  const cost = async () => {
    await client.query(sqlOf(flagship, 'sql/monitoring/remember-statements.sql'));
    return value(client, 'select calls::int from middlewatch.statement where query = $1', [read]);
  };
  await tried(client, () => signIn(client, ada).then(() => client.query(read)));
  expect(await cost()).toBe(1);
  await client.query('alter table clients add column another int');
  await tried(client, () => signIn(client, ada).then(() => client.query(read)));
  expect(await cost()).toBe(2);
  await client.query('alter table clients drop column another');
});

test('what the steps themselves ask as a user is none of the application’s statements', async () => {
  const ours = `select /* of middlewatch */ count(*) from clients`;
  const theirs = `select /* of a colleague */ max(name) from clients`;
  await tried(client, async () => {
    await signIn(client, ada);
    await client.query(ours);
    await client.query(theirs);
  });
  await client.query(sqlOf(flagship, 'sql/monitoring/remember-statements.sql'));
  const { rows } = await client.query("select query from middlewatch.statement where query like '%/* of %'");
  expect(rows).toEqual([{ query: theirs }]);
});

test('what has become slow is told, what has always been is not, and what nobody can read is unknown', async () => {
  const remember = () => client.query(sqlOf(flagship, 'sql/monitoring/remember-statements.sql'));
  const slow = async () => (await client.query(sqlOf(flagship, 'sql/monitoring/slow-statements.sql'))).rows[0];
  // Longer than an index could hold.
  const long = `select '${'a long statement '.repeat(1_000)}', '${randomBytes(8_000).toString('hex')}' from clients`;
  await tried(client, () => signIn(client, ada).then(() => client.query(long)));
  await remember();
  const costs = (ms: number) =>
    client.query("update middlewatch.statement set calls = 1, total_ms = $1, query = 'it' where query = 'it'", [ms]);
  await client.query("insert into middlewatch.statement values ('somebody', 'it', 1, 1)");
  await client.query(`
    alter function middlewatch.statements() rename to real_statements;
    create function middlewatch.statements(out role name, out query text, out calls numeric, out total_ms numeric)
      returns setof record language sql as $$ values ('somebody'::name, 'it', 2::numeric, 4001::numeric) $$`);
  expect(await slow()).toMatchObject({ slow_statements: '1', statement: expect.stringContaining('before: 1.00') });
  await costs(3_000);
  expect(await slow()).toEqual({ slow_statements: '0', statement: null });
  // Its counters were reset: they are less than they were.
  await costs(9_000);
  expect(await slow()).toEqual({ slow_statements: '0', statement: null });
  await client.query(
    'drop function middlewatch.statements(); alter function middlewatch.real_statements() rename to statements',
  );
  await client.query(
    'grant usage on schema middlewatch to authenticated; grant select on middlewatch.statement to authenticated',
  );
  await tried(client, async () => {
    await signIn(client, ada);
    expect(await slow()).toMatchObject({
      slow_statements: null,
      statement: expect.stringContaining('may not read'),
    });
  });
  await client.query(
    'revoke usage on schema middlewatch from authenticated; revoke select on middlewatch.statement from authenticated',
  );
  await db.superuser.query('drop extension pg_stat_statements');
  expect(await slow()).toMatchObject({ slow_statements: null, statement: expect.stringContaining('not installed') });
  await remember();
  expect(await value(client, 'select count(*)::int from middlewatch.statement')).toBe(0);
  await db.superuser.query('create schema elsewhere; grant usage on schema elsewhere to postgres');
  await db.superuser.query('create extension pg_stat_statements schema elsewhere');
  expect(await slow()).toEqual({ slow_statements: '0', statement: null });
});
