import { setTimeout as delay } from 'node:timers/promises';
import type { Server } from './server.ts';

/**
 * Where a server is held in the middle of a COMMIT: before its record of it is in the WAL (lost, when the server is killed
 * there), or when that is written and only the answer is wanting (kept).
 */
export type Held = 'unwritten' | 'written';

/**
 * Sent in place of COMMIT: it can be held, however long it is until it is let go and although its client is gone, and leaves
 * a row in `held` when it is kept.
 */
export const TRACED_COMMIT =
  'set local lock_timeout = 0; set local client_connection_check_interval = 0; set local synchronous_commit = on; insert into public.held default values; commit';

/** How a session of the server that is held there waits, by pg_stat_activity. */
const WAITS: Record<Held, string> = { unwritten: 'advisory', written: 'SyncRep' };
/** One that is not held by then, in ms, will not be. */
const PATIENCE = 20_000;

/** A server that will hold a traced COMMIT to one database, until disposed of. */
export interface Hold extends AsyncDisposable {
  /** Waits until one is held. @returns what is wrong when none is; else nothing */
  reached(): Promise<string[]>;
  letGo(): Promise<void>;
}

/**
 * Has the server hold the traced COMMITs to a database: by the advisory lock that a trigger of it asks for at their end, or
 * by waiting for a standby that does not exist. Others do not wait for it.
 */
export async function hold(server: Server, database: string, where: Held): Promise<Hold> {
  const client = await server.connect(database);
  const standby = async (names: string, commit: string) => {
    const superuser = await server.connect();
    await superuser.query(`alter system set synchronous_standby_names = ${names}`);
    await superuser.query(`alter system set synchronous_commit = ${commit}`);
    await superuser.query('select pg_reload_conf()');
    await superuser.end();
  };
  if (where === 'unwritten') await client.query('select pg_advisory_lock(1)');
  else await standby('nobody', 'local');
  return {
    async reached() {
      for (const began = performance.now(); performance.now() - began < PATIENCE; await delay(2)) {
        const { rowCount } = await client.query(
          'select from pg_stat_activity where datname = $1 and wait_event = $2 and query = $3',
          [database, WAITS[where], TRACED_COMMIT],
        );
        if (rowCount === 1) return [];
      }
      return [`a COMMIT was to be held with its record ${where}, and was not`];
    },
    letGo: () => client.end(),
    async [Symbol.asyncDispose]() {
      await client.end().catch(() => undefined);
      if (where === 'written') await standby('default', 'default');
    },
  };
}

/** Whether the database has kept a traced COMMIT. */
export async function isKept(server: Server, database: string): Promise<boolean> {
  const client = await server.connect(database);
  const { rowCount } = await client.query('select from public.held');
  await client.end();
  return rowCount === 1;
}
