import { escapeIdentifier } from 'pg';

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
