import { setTimeout as delay } from 'node:timers/promises';
import pg, { type Pool, type PoolClient } from 'pg';
import { JournalAway, JournalFailed } from './journal.ts';

/** A database that keeps journals. */
export interface JournalDatabase {
  /** Its own connections, one at least; ended by `close`. A query that is not answered must fail in the end. */
  pool: Pool;
  /** How a person would name it, without a password. */
  where: string;
  /** As `--journal` takes it, without a password. */
  url: string;
  /** Whether an error means that the connection is gone, and nothing is known of what was asked last. */
  lost(error: unknown): boolean;
}

/** How long the server may be away before what was asked of it fails, in ms. */
const PATIENCE = 60_000;
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 2_000;

/** What SQLSTATEs mean here, and what to do. @see https://www.postgresql.org/docs/17/errcodes-appendix.html */
const TROUBLE: Record<string, string> = {
  '22P05': 'cannot hold every character. Use a database whose encoding is UTF8.',
  '23505': 'has a record where the next one belongs: somebody has been at it. Look with `runbook journal verify`.',
  '25006': 'takes no writes. Make sure that it is the primary.',
  '3F000': 'holds no runs yet. Open one with `runbook run`.',
  '42501': 'may not be used by this role. Use the role that opened the run, or have it grant its rights.',
  '42P01': 'holds no runs yet. Open one with `runbook run`.',
  '53100': 'cannot be written: the disk of its server is full. Make room, then go on.',
};

/**
 * What every transaction begins with. Whatever the role's own settings: what is committed is on disk, and a process that is
 * stopped in the middle of one keeps the others waiting no longer than this.
 */
const BEGIN = `begin;
  select set_config('synchronous_commit', 'on', true) where current_setting('synchronous_commit') in ('off', 'local');
  set local idle_in_transaction_session_timeout = '5s'`;

/** Ways to ask the server. Each gives the connection back, a broken one for good. @throws JournalFailed */
export interface Asking {
  /** Asks again, on another connection, until the server is back: what is asked may have happened already. */
  patiently<T>(work: (client: PoolClient) => Promise<T>): Promise<T>;
  /** The same in a transaction, durable when it returns. When its COMMIT was not answered, `work` is done again. */
  transaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T>;
  /** Asks once. @throws what `lost` knows, as it is */
  once<T>(work: (client: PoolClient) => Promise<T>): Promise<T>;
  /** Ends the connections, and the patience. */
  close(): Promise<void>;
}

export function asking({ pool, where, lost }: JournalDatabase): Asking {
  const closed = new AbortController();

  async function once<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    let client: PoolClient | undefined;
    let broken = false;
    try {
      client = await pool.connect();
      return await work(client);
    } catch (error) {
      broken = lost(error);
      if (broken || !(error instanceof pg.DatabaseError)) throw error;
      const { code = '', message } = error;
      throw new JournalFailed(where, TROUBLE[code] ?? `fails: ${message} (${code}).`, { cause: error });
    } finally {
      client?.release(broken);
    }
  }

  async function patiently<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const began = performance.now();
    for (let pause = FIRST_PAUSE; ; pause = Math.min(LONGEST_PAUSE, pause * 2)) {
      try {
        return await once(work);
      } catch (cause) {
        if (!lost(cause)) throw cause;
        if (closed.signal.aborted || performance.now() - began > PATIENCE) {
          const said = cause instanceof Error ? cause.message : String(cause);
          throw new JournalAway(where, `cannot be reached: ${said}.`, { cause });
        }
        await delay(pause, undefined, { signal: closed.signal }).catch(() => undefined);
      }
    }
  }

  const transaction = <T>(work: (client: PoolClient) => Promise<T>): Promise<T> =>
    patiently(async (client) => {
      await client.query(BEGIN);
      try {
        const result = await work(client);
        await client.query('commit');
        return result;
      } catch (error) {
        if (!lost(error)) await client.query('rollback');
        throw error;
      }
    });

  return {
    once,
    patiently,
    transaction,
    async close() {
      closed.abort();
      await pool.end();
    },
  };
}
