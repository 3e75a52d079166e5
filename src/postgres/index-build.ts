import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { escapeIdentifier } from 'pg';
import type { Queryable } from './ask.ts';
import type { TableName } from './tables.ts';
import { cancelOnAbort } from './transaction.ts';

/** How an index stands. A build that was broken off leaves one that is `invalid`: kept up to date, used by nobody. */
export type IndexState = 'absent' | 'valid' | 'invalid' | 'of another table';

/** Between two looks at a build under way, in ms. */
const LOOK_EVERY = 250;

/** Looks the index of this name up, in its table's schema. */
export async function indexState(on: Queryable, table: TableName, index: string): Promise<IndexState> {
  const { rows } = await on.query<{ table: string | null; valid: boolean | null }>(
    `select t.relname as table, i.indisvalid and i.indisready as valid
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       left join pg_index i on i.indexrelid = c.oid
       left join pg_class t on t.oid = i.indrelid
      where n.nspname = $1 and c.relname = $2`,
    [table.schema, index],
  );
  const [found] = rows;
  if (found === undefined) return 'absent';
  if (found.table !== table.name) return 'of another table';
  return found.valid === true ? 'valid' : 'invalid';
}

/** How far a build has come. `total` 0: this phase cannot tell. */
export interface BuildProgress {
  phase: string;
  done: number;
  total: number;
}

/**
 * Runs a statement on a connection of its own, outside any transaction and without a lock_timeout: that could leave an
 * invalid index behind (F11). Cancelled when the signal is aborted.
 * @param timeoutMs of the statement; 0 for none
 */
export async function alone(pool: Pool, signal: AbortSignal, timeoutMs: number, statement: string): Promise<void> {
  signal.throwIfAborted();
  const client = await pool.connect();
  let broken = true;
  try {
    const { rows } = await client.query<{ pid: number }>(
      "select set_config('lock_timeout', '0', false), set_config('statement_timeout', $1, false), pg_backend_pid() as pid",
      [String(timeoutMs)],
    );
    using _ = cancelOnAbort(pool, rows[0]?.pid ?? 0, signal);
    await client.query(statement);
    await client.query('reset lock_timeout; reset statement_timeout');
    broken = false;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    client.release(broken);
  }
}

/** Drops an index without holding anybody up; content when there is none. */
export function dropIndex(pool: Pool, signal: AbortSignal, timeoutMs: number, table: TableName, index: string) {
  const name = `${escapeIdentifier(table.schema)}.${escapeIdentifier(index)}`;
  return alone(pool, signal, timeoutMs, `drop index concurrently if exists ${name}`);
}

/** Follows the builds on a table until `done`, whoever has begun them. */
export async function followBuild(
  pool: Pool,
  table: TableName,
  done: AbortSignal,
  onProgress: (progress: BuildProgress) => void,
): Promise<void> {
  while (!done.aborted) {
    const progress = await buildUnderWay(pool, table);
    if (progress && !done.aborted) onProgress(progress);
    await delay(LOOK_EVERY, undefined, { signal: done }).catch(() => {});
  }
}

/** The build under way on a table; undefined when there is none. */
export async function buildUnderWay(on: Queryable, table: TableName): Promise<BuildProgress | undefined> {
  const { rows } = await on.query<{ phase: string; done: string; total: string }>(
    `select p.phase, case when blocks_total > 0 then blocks_done else tuples_done end as done,
            case when blocks_total > 0 then blocks_total else tuples_total end as total
       from pg_stat_progress_create_index p
       join pg_class c on c.oid = p.relid join pg_namespace n on n.oid = c.relnamespace
      where p.datname = current_database() and n.nspname = $1 and c.relname = $2`,
    [table.schema, table.name],
  );
  const [found] = rows;
  return found && { phase: found.phase, done: Number(found.done), total: Number(found.total) };
}
