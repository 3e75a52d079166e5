import { escapeIdentifier } from 'pg';
import type { Queryable } from './ask.ts';
import { indexState } from './index-build.ts';
import { qualified, type TableName } from './tables.ts';

/** A table of a partition tree. */
export interface PartitionNode extends TableName {
  oid: string;
  /** The oid of what it is a partition of. */
  parent: string | null;
  leaf: boolean;
}

/** An index of each table of a partition tree. */
export interface PartitionedIndex {
  /** From the leaves up. */
  nodes: (PartitionNode & { index: string })[];
  root: TableName & { index: string };
}

/** A partitioned table and all of its partitions, from the leaves up. */
export async function partitionTree(on: Queryable, table: TableName): Promise<PartitionNode[]> {
  const { rows } = await on.query<PartitionNode>(
    `select n.nspname as schema, c.relname as name, c.oid::text, parentrelid::oid::text as parent, isleaf as leaf
       from pg_partition_tree(to_regclass($1)) tree
       join pg_class c on c.oid = tree.relid join pg_namespace n on n.oid = c.relnamespace
      order by level desc, relid`,
    [qualified(table)],
  );
  return rows;
}

/**
 * Makes one index of the whole out of those of the leaves, which are there and valid, in the transaction under way. It
 * builds nothing, but holds writers up for a moment. Done once: content when it is there.
 * @returns whether it is there; not, when the whole has other partitions by now than those that have an index
 */
export async function joinIndexes(client: Queryable, { nodes, root }: PartitionedIndex): Promise<boolean> {
  const [first] = nodes;
  if (first === undefined || (await indexState(client, root, root.index)) === 'valid') return true;
  // From here to the end, none is made or attached.
  for (const node of nodes.filter(({ leaf }) => !leaf).toReversed()) {
    await client.query(`lock table only ${qualified(node)} in share update exclusive mode`);
  }
  const known = new Set(nodes.map(({ oid }) => oid));
  const tree = await partitionTree(client, root);
  if (tree.length !== known.size || tree.some(({ oid }) => !known.has(oid))) return false;
  const { unique, definition } = await definitionOf(client, first, first.index);
  for (const node of nodes.filter(({ leaf }) => !leaf)) {
    await client.query(
      `create ${unique}index ${escapeIdentifier(node.index)} on only ${qualified(node)} ${definition}`,
    );
    for (const part of nodes.filter(({ parent }) => parent === node.oid)) {
      await client.query(`alter index ${indexOf(node)} attach partition ${indexOf(part)}`);
    }
  }
  return true;
}

/** Drops the index of the whole, and with it what it was made of; content when there is none. */
export async function dropJoined(client: Queryable, { root }: PartitionedIndex): Promise<void> {
  await client.query(`drop index if exists ${indexOf(root)}`);
}

const indexOf = ({ schema, index }: PartitionedIndex['root']) =>
  `${escapeIdentifier(schema)}.${escapeIdentifier(index)}`;

/** What an index is on, as the server writes it: its columns and all that follows. */
async function definitionOf(on: Queryable, table: TableName, index: string) {
  const { rows } = await on.query<{ unique: string; definition: string }>(
    `select keyword as "unique",
            substr(pg_get_indexdef(indexrelid), length(format('CREATE %sINDEX %I ON %I.%I ', keyword, $3::text, $1::text, $2::text)) + 1) as definition
       from pg_index, lateral (select case when indisunique then 'UNIQUE ' else '' end as keyword) k
      where indexrelid = to_regclass(format('%I.%I', $1::text, $3::text))`,
    [table.schema, table.name, index],
  );
  const [found] = rows;
  if (found === undefined) throw new Error(`The index ${index} on ${qualified(table)} is gone.`);
  return found;
}
