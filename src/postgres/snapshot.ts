import type { Queryable } from './ask.ts';

/** Keeps what was there before, once: what is kept already stays. `body` has to be JSON. */
export async function keep(client: Queryable, run: string, name: string, part: string, body: unknown): Promise<void> {
  await client.query(
    `insert into middlewatch.snapshot (run, name, part, body) values ($1, $2, $3, $4) on conflict do nothing`,
    [run, name, part, JSON.stringify(body)],
  );
}

/** Makes room for another snapshot of this name. */
export async function forget(client: Queryable, run: string, name: string, part: string): Promise<void> {
  await client.query('delete from middlewatch.snapshot where run = $1 and name = $2 and part = $3', [run, name, part]);
}

/** What was kept under this name; undefined when nothing was. */
export async function kept<T>(on: Queryable, run: string, name: string, part: string): Promise<T | undefined> {
  const { rows } = await on.query<{ body: T }>(
    'select body from middlewatch.snapshot where run = $1 and name = $2 and part = $3',
    [run, name, part],
  );
  return rows[0]?.body;
}
