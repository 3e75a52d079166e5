import { setTimeout as delay } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import type { Table } from './ask.ts';
import { blockers } from './blockers.ts';
import { Blocked, ConnectionFailed, connectionLost, InDoubt, sqlState, worthRetry } from './errors.ts';
import { type FenceToken, holdFence } from './house.ts';
import { type Entry, record } from './ledger.ts';

export interface TransactionOptions {
  pool: Pool;
  fence: FenceToken;
  signal: AbortSignal;
  /** Of each statement, in ms; 0 or absent for none. The role's own limit does not apply. */
  statementTimeout?: number | undefined;
  /** Recorded in the same transaction, with what the work returned as its detail. */
  entry?: Entry;
  /** More parameters of the server for it, by name. */
  settings?: Record<string, string>;
  /** How often it is begun before it counts as blocked; 30. */
  tries?: number;
  /** Told of each try that was disturbed. @param inTheWay who had the lock, where that has been seen */
  onDisturbed?: (tries: { done: number; total: number }, inTheWay: Table | undefined) => void;
}

/** F16: a waiting ALTER TABLE queues every reader behind it, so each wait is short and there are not many. In ms. */
const TRIES = 30;
const FIRST_LOCK_TIMEOUT = 200;
/**
 * The last ones, in ms: just longer than the server's deadlock_timeout (1 s, unless changed), after which it has an autovacuum
 * give way to whoever waits for it; but not for long.
 * @see https://www.postgresql.org/docs/17/routine-vacuuming.html#AUTOVACUUM
 */
const LAST_LOCK_TIMEOUT =
  "(select least(2000, setting::int + 200) from pg_catalog.pg_settings where name = 'deadlock_timeout')";
/** A process that was stopped or cut off in mid-transaction keeps its locks, and the fence, no longer than this, in ms. */
const IDLE_TIMEOUT = 15_000;

/**
 * BEGIN, fence, work, ledger, COMMIT. When it is disturbed by others (see `worthRetry`), all of it is done again, after a
 * pause with full jitter.
 * @returns what the work returned, once it is committed
 * @throws Blocked after 30 tries, with who stands in the way
 * @throws InDoubt when the connection broke during COMMIT
 * @throws FenceLost when a later conductor has been here
 * @throws the signal's reason when aborted; what was at work on the server is cancelled
 */
export async function transaction<T>(
  options: TransactionOptions,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const { pool, signal, tries = TRIES } = options;
  let inTheWay: Table | undefined;
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    const client = await pool.connect();
    let unusable = false;
    try {
      return await once(client, options, attempt, work, (table) => {
        inTheWay = table;
      });
    } catch (error) {
      unusable = error instanceof InDoubt || error instanceof ConnectionFailed;
      if (!worthRetry(error)) throw error;
      if (attempt >= tries) throw blocked(tries, error, inTheWay);
      options.onDisturbed?.({ done: attempt, total: tries }, inTheWay);
    } finally {
      // A cancel may still be on its way to it, and is not to hit what the next one asks.
      client.release(unusable || signal.aborted);
    }
    await delay(Math.random() * Math.min(1_000, 50 * 2 ** attempt), undefined, { signal });
  }
}

/**
 * Waits until every transaction that this run has begun is at its end, also one whose connection was lost while its COMMIT
 * was on its way: each holds the fence. What the ledger says after that, it goes on saying.
 * @throws what `transaction` throws
 */
export async function quiet(options: Pick<TransactionOptions, 'pool' | 'fence' | 'signal'>): Promise<void> {
  await transaction(options, (client) =>
    client.query('select from middlewatch.fence where run = $1 for update', [options.fence.run]),
  );
}

/** What is thrown in the end. @param table who was in the way, when last looked */
export function blocked(tries: number, cause: unknown, table: Table | undefined): Blocked {
  return new Blocked(
    `Locks were not to be had in ${tries} tries.`,
    'Look at who holds them: wait for them, or have them end their transactions, then retry.',
    table === undefined ? { cause } : { cause, table },
  );
}

async function once<T>(
  client: PoolClient,
  { fence, entry, statementTimeout = 0, settings = {}, pool, signal }: TransactionOptions,
  attempt: number,
  work: (client: PoolClient) => Promise<T>,
  onBlockers: (table: Table) => void,
): Promise<T> {
  const patience = Math.round(FIRST_LOCK_TIMEOUT * 1.2 ** (attempt - 1));
  using held = new DisposableStack();
  let result: T;
  try {
    await client.query('begin');
    const all = Object.entries({
      statement_timeout: String(statementTimeout),
      idle_in_transaction_session_timeout: String(IDLE_TIMEOUT),
      'middlewatch.run': fence.run,
      ...settings,
    });
    const { rows } = await client.query<{ pid: number; wait: number }>(
      `select ${all.map((_, i) => `set_config($${2 * i + 1}, $${2 * i + 2}, true)`).join(', ')},
         set_config('lock_timeout', wait::text, true), wait, pg_backend_pid() as pid
       from (select least($${2 * all.length + 1}::int, ${LAST_LOCK_TIMEOUT}) as wait) as patience`,
      [...all.flat(), patience],
    );
    const { pid = 0, wait = patience } = rows[0] ?? {};
    held.use(cancelOnAbort(pool, pid, signal));
    // Who blocks can only be seen while we wait, so from the second try on somebody looks.
    if (attempt > 1) held.use(watchBlockers(pool, pid, wait / 4, onBlockers));
    await holdFence(client, fence);
    result = await work(client);
    if (entry) await record(client, entry, result);
    signal.throwIfAborted();
  } catch (error) {
    await client.query('rollback').catch(() => {});
    signal.throwIfAborted();
    if (connectionLost(error)) throw broken(error);
    throw error;
  }
  held.dispose();
  await commit(client);
  return result;
}

function broken(cause: unknown): ConnectionFailed {
  return new ConnectionFailed(
    'The connection to the database broke. Nothing of the transaction under way was kept.',
    'Make sure the server is up and reachable, then retry.',
    { cause },
  );
}

async function commit(client: PoolClient): Promise<void> {
  let command: string;
  try {
    ({ command } = await client.query('commit'));
  } catch (cause) {
    // Only an error that the server reported, over a connection that still stands, says that nothing was committed.
    if (sqlState(cause) !== undefined && !connectionLost(cause)) throw cause;
    throw new InDoubt(
      'The connection broke while the transaction was being committed.',
      'The ledger in the database knows whether it was; it is looked at before anything else is done.',
      { cause },
    );
  }
  // COMMIT of a transaction that had failed says ROLLBACK, and no error.
  if (command !== 'COMMIT') throw new Error('The transaction had failed before COMMIT and was rolled back.');
}

/**
 * Cancels what that server process is doing as soon as the signal is aborted; disposed of before COMMIT. Once aborted, the
 * connection is not to be used again: nobody knows when the cancel comes to it.
 */
export function cancelOnAbort(pool: Pool, pid: number, signal: AbortSignal): Disposable {
  const cancel = () => {
    pool.query('select pg_cancel_backend($1)', [pid]).catch(() => {});
  };
  signal.addEventListener('abort', cancel, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', cancel) };
}

/** Looks again and again who keeps that server process waiting, until disposed of. */
export function watchBlockers(
  pool: Pool,
  pid: number,
  everyMs: number,
  onBlockers: (table: Table) => void,
): Disposable {
  const timer = setInterval(() => {
    blockers(pool, pid).then(
      (table) => {
        if (table.rows.length > 0) onBlockers(table);
      },
      () => {},
    );
  }, everyMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
