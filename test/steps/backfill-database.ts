import { rm } from 'node:fs/promises';
import type { Queryable } from '../../src/postgres/ask.ts';
import { makeFolder } from '../../src/rehearsal/folder.ts';
import { startPostgres } from '../../src/rehearsal/postgres.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { stepOf } from './acting.ts';

/** Files of a backfill that gives each row the tenant of its owner. */
export const FILES = {
  'fill.sql': `update :"schema".:"name" as it set tenant = owner.tenant from owner
    where it.ctid >= :'from_tid'::tid and it.ctid < :'to_tid'::tid and get_byte(tidsend(it.ctid), 5) % :'slices'::int <= :'slice'::int
      and it.tenant is null and owner.id = it.owner;`,
  'remaining.sql': 'select count(*) from :"schema".:"name" where tenant is null',
};

/** Rows of each table that have an owner, and that have none. */
export const OWNED = 4_000;
export const ORPHANS = 7;

/** The list of the backfill: a reserved word, a name to quote, and a table without rows. */
export const PARTS = {
  lists: {
    tables: ['order', 'Big Table', 'empty'].map((name) => ({ name, schema: 'public' })),
  },
};

/** The fields of a backfill of them with two workers, in batches that are small enough for there to be many. */
export const FIELDS = {
  tables: 'tables',
  file: 'fill.sql',
  remaining: 'remaining.sql',
  workers: 2,
  pace: 'full',
  batch: { blocks: 8, target: '20ms' },
};
export const STEP = stepOf('backfill', FIELDS);

/** Rows that it fills. */
export const ALL = 3 * OWNED;

/** A database with the tables of the backfill, and how far it has come there. */
export interface BackfillDatabase extends TestDatabase {
  /** The first column of the first row. */
  number(sql: string): Promise<number>;
  /** Rows that have a tenant. */
  filled(): Promise<number>;
  /** Updates of rows that were committed. */
  updates(): Promise<number>;
}

/** Makes the database. Drop it in `afterEach` or `afterAll`. */
export async function backfillDatabase(): Promise<BackfillDatabase> {
  const db = await freshDatabase();
  await createParts(db.superuser);
  const number = async (sql: string) =>
    Number((await db.superuser.query({ text: sql, rowMode: 'array' })).rows[0]?.[0]);
  return Object.assign(db, {
    number,
    filled: () => number('select (select count(tenant) from "order") + (select count(tenant) from "Big Table")'),
    updates: () => number('select count(*) from log'),
  });
}

/** A server with the tables of the backfill, for what would disturb the others on one, or be disturbed by them. */
export async function ownServer() {
  const folder = await makeFolder();
  const server = await startPostgres({ folder, durable: true, binaries: process.env.TEST_POSTGRES });
  const superuser = await server.connect();
  await createParts(superuser);
  return {
    server,
    superuser,
    async [Symbol.asyncDispose]() {
      await superuser.end().catch(() => undefined);
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Makes tables to fill, with few rows to a block, and a log to which every update of a row adds a line in its own
 * transaction.
 */
export async function createParts(superuser: Queryable): Promise<void> {
  await superuser.query(`
    create table owner (id int primary key, tenant int not null);
    insert into owner select n, n from generate_series(1, 100) n;
    create table log (name text, id int);
    create function log() returns trigger language plpgsql as
      $$ begin insert into log values (tg_table_name, new.id); return null; end $$;`);
  for (const [name, rows] of [
    ['order', OWNED],
    ['Big Table', 2 * OWNED],
    ['empty', 0],
  ] as const) {
    await superuser.query(`
      create table public."${name}" (id int primary key, owner int, tenant int, padding text default repeat('x', 500));
      insert into public."${name}" (id, owner) select n, n % 100 + 1 from generate_series(1, ${rows}) n;
      create trigger log after update on public."${name}" for each row execute function log();`);
  }
  await superuser.query(`insert into "order" (id, owner) select -n, -n from generate_series(1, ${ORPHANS}) n`);
}
