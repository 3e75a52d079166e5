import type { Queryable } from './ask.ts';

/** What was committed, and for whom. `part` is empty for a step as a whole, else names a table or the like. */
export interface Entry {
  run: string;
  step: string;
  part: string;
  attempt: number;
}

/** Records, in the transaction under way, that this happened. `detail` has to be JSON. */
export async function record(client: Queryable, entry: Entry, detail: unknown): Promise<void> {
  await client.query(`insert into middlewatch.ledger (run, step, part, attempt, detail) values ($1, $2, $3, $4, $5)`, [
    entry.run,
    entry.step,
    entry.part,
    entry.attempt,
    JSON.stringify(detail ?? null),
  ]);
}

/** What a committed transaction left behind; undefined when it was never committed, or has been undone. */
export async function recorded<T>(on: Queryable, run: string, step: string, part = ''): Promise<T | undefined> {
  const { rows } = await on.query<{ detail: T }>(
    'select detail from middlewatch.ledger where run = $1 and step = $2 and part = $3',
    [run, step, part],
  );
  return rows[0]?.detail;
}

/** The steps of a run that were committed as a whole. */
export async function recordedSteps(on: Queryable, run: string): Promise<string[]> {
  const { rows } = await on.query<{ step: string }>(
    "select step from middlewatch.ledger where run = $1 and part = '' order by step",
    [run],
  );
  return rows.map(({ step }) => step);
}

/** Parts of a step that were committed, with what they left behind. */
export async function recordedParts<T>(on: Queryable, run: string, step: string): Promise<Map<string, T>> {
  const { rows } = await on.query<{ part: string; detail: T }>(
    'select part, detail from middlewatch.ledger where run = $1 and step = $2 order by part',
    [run, step],
  );
  return new Map(rows.map(({ part, detail }) => [part, detail]));
}

/** Takes a step, or one part of it, out of the ledger: it has been undone in this same transaction. */
export async function strike(client: Queryable, run: string, step: string, part?: string): Promise<void> {
  await client.query('delete from middlewatch.ledger where run = $1 and step = $2 and part = coalesce($3, part)', [
    run,
    step,
    part ?? null,
  ]);
  await client.query('delete from middlewatch.cursor where run = $1 and step = $2 and part = coalesce($3, part)', [
    run,
    step,
    part ?? null,
  ]);
}
