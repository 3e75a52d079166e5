import type { Queryable } from '../../src/postgres/ask.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

export const FILES = {
  'fill.sql': `update :"schema".:"name" as it set tenant = owner.tenant from owner
    where it.ctid >= :'from_tid'::tid and it.ctid < :'to_tid'::tid and (hashtid(it.ctid) & 2147483647) % :'slices'::int <= :'slice'::int
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

export async function backfillDatabase(): Promise<TestDatabase> {
  const db = await freshDatabase();
  await createParts(db.superuser);
  return db;
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
