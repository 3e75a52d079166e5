import { escapeIdentifier } from 'pg';
import type { Queryable } from './ask.ts';

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
