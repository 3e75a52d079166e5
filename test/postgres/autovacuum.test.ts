import { rm } from 'node:fs/promises';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { takeFence } from '../../src/postgres/house.ts';
import { transaction } from '../../src/postgres/transaction.ts';
import { makeFolder } from '../../src/rehearsal/folder.ts';
import { startPostgres, type ThrowawayPostgres } from '../../src/rehearsal/postgres.ts';
import { poolOf } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';

/* A server of its own, whose autovacuum comes every second. */

let folder: string;
let server: ThrowawayPostgres;
let pool: pg.Pool;
beforeAll(async () => {
  folder = await makeFolder();
  server = await startPostgres({ folder, binaries: process.env.TEST_POSTGRES });
  pool = poolOf(server.env);
  await pool.query('alter system set autovacuum_naptime = 1');
  await pool.query('select pg_reload_conf()');
});
afterAll(async () => {
  await pool?.end();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

it('has an autovacuum give way, however long it would take', async () => {
  // As slow as it can be made: hours for these pages.
  await pool.query(`
    create table worn (id int, filler text default repeat('x', 500)) with (
      autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_scale_factor = 0);
    insert into worn select generate_series(1, 20000);
    delete from worn where id % 2 = 0`);
  await eventually(async () => {
    const { rowCount } = await pool.query("select from pg_stat_progress_vacuum where relid = 'worn'::regclass");
    expect(rowCount).toBe(1);
  });
  const fence = { run: 'ddl', token: 1 };
  await takeFence(pool, fence, 'journal');
  const signal = new AbortController().signal;
  await transaction({ pool, fence, signal, tries: 12 }, (client) =>
    client.query('alter table worn add column more int'),
  );
  expect((await pool.query('select more from worn limit 1')).rowCount).toBe(1);
});
