import type { ClientBase, Pool, QueryArrayConfig } from 'pg';

/** What a query came to, as the text the server sent. NULL is shown as `null`. */
export interface Table {
  columns: string[];
  rows: string[][];
}

/** Anything a query can be put to. */
export type Queryable = Pick<Pool | ClientBase, 'query'>;

const asText = { getTypeParser: () => (value: string | Buffer) => String(value) };

/** Runs one query and returns its rows as text, for people to read and expectations to look at. */
export async function ask(on: Queryable, text: string, values: unknown[] = []): Promise<Table> {
  const query: QueryArrayConfig = { text, values, rowMode: 'array', types: asText };
  const result = await on.query<(string | null)[]>(query);
  return {
    columns: result.fields.map((field) => field.name),
    rows: result.rows.map((row) => row.map((value) => value ?? 'null')),
  };
}
