import type { ClientBase, Pool, PoolClient, QueryArrayConfig } from 'pg';

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

/** Rows at a time, so that a table of any size takes little memory. */
const BATCH = 5_000;

/**
 * Runs one query in the transaction under way and hands its rows over in batches, as text, NULL as null. There is at least
 * one batch, if an empty one.
 */
export async function* askInBatches(
  client: PoolClient,
  text: string,
  values: unknown[],
): AsyncGenerator<{ columns: string[]; rows: (string | null)[][] }> {
  await client.query(`declare batches no scroll cursor for ${text}`, values);
  for (;;) {
    const fetch: QueryArrayConfig = { text: `fetch ${BATCH} from batches`, rowMode: 'array', types: asText };
    const { fields, rows } = await client.query<(string | null)[]>(fetch);
    yield { columns: fields.map(({ name }) => name), rows };
    if (rows.length < BATCH) break;
  }
  await client.query('close batches');
}
