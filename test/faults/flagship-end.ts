import type { PoolClient } from 'pg';
import { inventory } from '../../src/postgres/catalog.ts';
import { openPool } from '../../src/postgres/connect.ts';
import { qualified, type TableName } from '../../src/postgres/tables.ts';

/** What a rehearsal ended with, by table and key. */
export interface End {
  /** What was there when it began: the same in each, but for what the application's users had done by then. */
  there: Map<string, string>;
  rows: Map<string, string>;
  catalog: string[];
}

/** A row as text, with whose tenant it is in: the tenants' own keys are made at random. */
export const AS_LEFT = `(to_jsonb(it) - 'tenant_id')::text || ' of ' ||
  coalesce((select coalesce(owner_id::text, name) from public.tenants where id = it.tenant_id), 'none')`;

/** Every row of these tables, by table and key. @param text SQL of what is to be known of `it` */
export const rowsOf = (env: Record<string, string>, tables: TableName[], text: string): Promise<Map<string, string>> =>
  asked(env, async (client) => {
    const found = new Map<string, string>();
    for (const name of tables.map(qualified)) {
      const { rows } = await client.query<{ id: string; text: string }>(
        `select it.id, ${text} as text from ${name} it`,
      );
      for (const row of rows) found.set(`${name} ${row.id}`, row.text);
    }
    return found;
  });

export const catalogOf = (env: Record<string, string>): Promise<string[]> =>
  asked(env, (client) => inventory(client, ['public']));

async function asked<T>(env: Record<string, string>, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const pool = await openPool(env, { application: 'faults', max: 1 });
  const client = await pool.connect();
  try {
    return await work(client);
  } finally {
    client.release();
    await pool.end();
  }
}

/** Where the ends of two rehearsals are not the same, of the rows that were there when both began. */
export function different(end: End, undisturbed: End): string[] {
  const both = [...end.there.keys()].filter((key) => undisturbed.there.has(key));
  const rows = both.filter((key) => end.rows.get(key) !== undisturbed.rows.get(key));
  const catalog = [
    ...end.catalog.filter((line) => !undisturbed.catalog.includes(line)),
    ...undisturbed.catalog.filter((line) => !end.catalog.includes(line)),
  ];
  return [
    ...(both.length > 0 ? [] : ['there are no rows to compare']),
    ...(rows.length === 0 ? [] : [`${rows.length} rows are different, as ${rows[0]}: ${end.rows.get(rows[0] ?? '')}`]),
    ...(catalog.length === 0 ? [] : [`the catalog is different: ${catalog.slice(0, 3).join('; ')}`]),
  ];
}
