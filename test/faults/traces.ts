import type { Queryable } from '../../src/postgres/ask.ts';

/** What a run has left in its database, row by row where rows count. */
export interface Traces {
  /** A hash of all rows, by table, whatever their order on disk. */
  rows: Record<string, string>;
  indexes: string[];
  policies: string[];
  /** What the ledger says was committed. */
  ledger: string[];
  /** Steps of SQL, one for each time they were committed. */
  happened: string[];
  /** Rows a backfill has filled, and those it has filled again. */
  filled: number;
  again: number;
  /** Blocks that a batch has gone through after another had, in one pass over a table. */
  repeated: string[];
}

const TABLES = ['owner', 'orders', 'notes', '"Big Table"'];

export async function tracesIn(on: Queryable): Promise<Traces> {
  const list = async (sql: string) => (await on.query<{ it: string }>(sql)).rows.map(({ it }) => it);
  const rows: Record<string, string> = {};
  for (const table of TABLES) {
    const [hash = ''] = await list(
      `select count(*) || ' ' || md5(string_agg(it::text, '|' order by it.id)) as it from ${table} it`,
    );
    rows[table] = hash;
  }
  const touched = await on.query<{ filled: number; again: number }>(
    'select count(*)::int as filled, (count(*) - count(distinct (name, id)))::int as again from touched',
  );
  const [{ filled, again } = { filled: 0, again: 0 }] = touched.rows;
  return {
    rows,
    indexes: await list(
      `select i.indexrelid::regclass || ' ' || indisvalid || ' ' || pg_get_indexdef(i.indexrelid) as it
         from pg_index i join pg_class c on c.oid = i.indrelid
        where c.relnamespace = 'public'::regnamespace order by 1`,
    ),
    policies: await list("select tablename || ' ' || policyname || ' ' || qual as it from pg_policies order by 1"),
    ledger: await list("select step || ' ' || part as it from middlewatch.ledger order by 1"),
    happened: await list('select step as it from happened order by 1'),
    filled,
    again,
    repeated: await list(
      `select a.name || ' ' || a.blocks * b.blocks as it from batch a
         join batch b on a.name = b.name and a.pass = b.pass and a.blocks && b.blocks and a.ctid < b.ctid order by 1`,
    ),
  };
}
