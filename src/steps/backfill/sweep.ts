import type { Pool } from 'pg';
import { qualified, type TableName } from '../../postgres/tables.ts';
import { cancelOnAbort } from '../../postgres/transaction.ts';

/** How long a vacuum rests between its pages: beside a gentle backfill as an autovacuum does, by default. */
const COST_DELAY = { gentle: '2ms', full: '0' } as const;

/** Vacuums of the tables at work, beside the batches. */
export interface Sweeps extends AsyncDisposable {
  /** Begins one, behind those that were begun before. */
  begin(table: TableName): void;
}

/**
 * Indexes leave a tenth of their pages free (fillfactor 90). New entries for the rows that a backfill moves use that up,
 * and then the server looks for dead entries each time it adds a few more (bottom-up deletion), which was a quarter of what
 * a row costs in measurements. A vacuum in the middle takes all of them out at once; an autovacuum would come too late.
 * @see https://www.postgresql.org/docs/current/btree.html#BTREE-DELETION
 */
export function openSweeps(pool: Pool, pace: keyof typeof COST_DELAY): Sweeps {
  const over = new AbortController();
  let last: Promise<void> = Promise.resolve();
  return {
    begin(table) {
      // It only helps: whatever ails the server, the batches find out for themselves.
      last = last.then(() => vacuum(pool, table, COST_DELAY[pace], over.signal)).catch(() => undefined);
    },
    async [Symbol.asyncDispose]() {
      over.abort();
      await last;
    },
  };
}

async function vacuum(pool: Pool, table: TableName, costDelay: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const client = await pool.connect();
  try {
    const { rows } = await client.query<{ pid: number }>(
      `select set_config('vacuum_cost_delay', $1, false), set_config('statement_timeout', '0', false),
              pg_backend_pid() as pid`,
      [costDelay],
    );
    using _ = cancelOnAbort(pool, rows[0]?.pid ?? 0, signal);
    await client.query(`vacuum (skip_locked, index_cleanup on, truncate off) ${qualified(table)}`);
  } finally {
    client.release(true);
  }
}
