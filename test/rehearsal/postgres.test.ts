import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

test('is PostgreSQL 17 with pg_stat_statements, reached over TCP alone', async () => {
  const { rows } = await database.superuser.query(
    `select current_setting('server_version_num')::int / 10000 as major, current_setting('shared_preload_libraries') as preloaded,
            current_setting('unix_socket_directories') as sockets, current_database() as database`,
  );
  expect(rows).toEqual([{ major: 17, preloaded: 'pg_stat_statements', sockets: '', database: database.name }]);
});
