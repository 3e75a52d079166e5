import { escapeIdentifier } from 'pg';
import type { Queryable } from './ask.ts';
import { DatabaseTrouble } from './errors.ts';

/** A table by its schema and name, as in the catalog: neither quoted nor folded. */
export interface TableName {
  schema: string;
  name: string;
}

/** Both names, quoted. */
export function qualified({ schema, name }: TableName): string {
  return `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
}

/** The table an item of a list means; its schema is `public` unless it says another. */
export function tableOf(item: Record<string, string>): TableName {
  return { schema: item.schema ?? 'public', name: item.name ?? '' };
}

/** Whether its rows are those of its partitions. */
export async function isPartitioned(on: Queryable, table: TableName): Promise<boolean> {
  const { rows } = await on.query<{ partitioned: boolean }>(
    `select exists (select from pg_catalog.pg_class where oid = pg_catalog.to_regclass($1) and relkind = 'p') as partitioned`,
    [qualified(table)],
  );
  return rows[0]?.partitioned === true;
}

/**
 * The tables that have rows of their own behind this name: itself, or the leaves of a partitioned one.
 * @throws DatabaseTrouble when there is none, or one that cannot be gone through
 */
export async function tablesBehind(on: Queryable, table: TableName): Promise<TableName[]> {
  const { rows } = await on.query<TableName & { kind: string }>(
    `select n.nspname as schema, c.relname as name, c.relkind as kind
       from pg_class t
       cross join lateral (
         select t.oid as relid where t.relkind <> 'p'
         union all
         select relid from pg_partition_tree(t.oid) where t.relkind = 'p' and isleaf) leaf
       join pg_class c on c.oid = leaf.relid
       join pg_namespace n on n.oid = c.relnamespace
      where t.oid = to_regclass($1)
      order by leaf.relid`,
    [qualified(table)],
  );
  if (rows.length === 0 && !(await exists(on, table))) {
    throw new DatabaseTrouble(`There is no table ${qualified(table)}.`, 'Correct the list, or make the table.');
  }
  // An empty partitioned table's only leaf is itself.
  const leaves = rows.filter(({ kind }) => kind !== 'p');
  const odd = leaves.find(({ kind }) => kind !== 'r');
  if (odd !== undefined) {
    throw new DatabaseTrouble(
      `${qualified(odd)} is not an ordinary table: it has no blocks to go through.`,
      'Take it out of the list, and fill it where its rows are.',
    );
  }
  return leaves.map(({ schema, name }) => ({ schema, name }));
}

async function exists(on: Queryable, table: TableName): Promise<boolean> {
  const { rows } = await on.query<{ there: boolean }>('select to_regclass($1) is not null as there', [
    qualified(table),
  ]);
  return rows[0]?.there === true;
}

/**
 * Blocks and file of a table as it is now. Its batches touch the tables that inherit from it as well, at the same block
 * numbers, so it counts as long as the longest of them.
 */
export async function extent(on: Queryable, table: TableName): Promise<{ blocks: number; filenode: string }> {
  const { rows } = await on.query<{ blocks: string; filenode: string }>(
    `with recursive tree (relid) as (
       select to_regclass($1)::oid
       union
       select inhrelid from pg_inherits join tree on inhparent = relid)
     select max(pg_relation_size(relid)) / current_setting('block_size')::bigint as blocks,
            pg_relation_filenode(to_regclass($1))::text as filenode
       from tree`,
    [qualified(table)],
  );
  return { blocks: Number(rows[0]?.blocks ?? 0), filenode: rows[0]?.filenode ?? '0' };
}
