import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { escapeIdentifier } from 'pg';
import type { Queryable } from './ask.ts';
import { type FenceToken, holdFence } from './house.ts';
import { sessionName } from './sessions.ts';
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

/** How far a build has come. `total` 0: this phase cannot tell. `pid` is the server process that builds. */
export interface BuildProgress {
  pid: number;
  phase: string;
  done: number;
  total: number;
}

/** What a statement needs that runs outside any transaction. */
export interface Alone {
  pool: Pool;
  fence: FenceToken;
  /** Has it cancelled on the server. */
  stopped: AbortSignal;
  /** Leaves it to itself: another conductor goes on with it. */
  left: AbortSignal;
  /** Of the statement, in ms; 0 for none. */
  timeoutMs: number;
}

/**
 * Runs a statement on a connection of its own, outside any transaction and without a lock_timeout: that could leave an
 * invalid index behind (F11). The fence is looked at just before; a conductor that was stopped in between has lost the
 * session by the time it wakes. Once begun, the statement goes on although this process dies, and the next conductor finds
 * it by the name of its session.
 * @throws FenceLost when a later conductor has been here
 */
export async function alone({ pool, fence, stopped, left, timeoutMs }: Alone, statement: string): Promise<void> {
  stopped.throwIfAborted();
  const client = await pool.connect();
  try {
    const { rows } = await client.query<{ pid: number }>(
      `select set_config('statement_timeout', $1, false), set_config('application_name', $2, false),
              pg_backend_pid() as pid`,
      [String(timeoutMs), sessionName(fence.run, fence.token, true)],
    );
    await client.query(
      `select set_config(name, '0', false) from pg_catalog.pg_settings
        where name in ('lock_timeout', 'client_connection_check_interval')`,
    );
    await holdFence(client, fence);
    using _ = cancelOnAbort(pool, rows[0]?.pid ?? 0, stopped);
    await Promise.race([client.query(statement), aborted(left)]);
  } catch (error) {
    stopped.throwIfAborted();
    throw error;
  } finally {
    client.release(true);
  }
}

/** Rejects with the signal's reason. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
  });
}

/** Drops an index without holding anybody up; content when there is none. */
export function dropIndex(how: Alone, table: TableName, index: string): Promise<void> {
  const name = `${escapeIdentifier(table.schema)}.${escapeIdentifier(index)}`;
  return alone(how, `drop index concurrently if exists ${name}`);
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
  const { rows } = await on.query<{ pid: number; phase: string; done: string; total: string }>(
    `select p.pid, p.phase, case when blocks_total > 0 then blocks_done else tuples_done end as done,
            case when blocks_total > 0 then blocks_total else tuples_total end as total
       from pg_stat_progress_create_index p
       join pg_class c on c.oid = p.relid join pg_namespace n on n.oid = c.relnamespace
      where p.datname = current_database() and n.nspname = $1 and c.relname = $2`,
    [table.schema, table.name],
  );
  const [found] = rows;
  return found && { pid: found.pid, phase: found.phase, done: Number(found.done), total: Number(found.total) };
}
