import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { inject } from 'vitest';
import { type Deed, deeds } from './deeds.ts';

/** A deed as it went. */
interface Done {
  deed: Deed;
  /** What each statement returned, up to the one that failed for good, whose code is the last. */
  told: unknown[];
}

/** Old clients of the legacy application at work on a database. */
export interface OldClients extends AsyncDisposable {
  /** Resolves at a moment when one of them has a transaction open. */
  inTheMiddle(): Promise<void>;
  /** Transactions they have ended so far. */
  readonly ended: number;
  /** Lets each finish what it is at. @returns what each has done, in its order */
  stop(): Promise<Done[][]>;
}

/** Codes that an application is meant to try again after. */
const RETRYABLE = new Set(['40001', '40P01', '55P03']);
const CLIENTS = 3;
/** Rest between the statements of a transaction, in ms: each client is in the middle of something nearly all the time. */
const REST = 10;

/** A client's sessions: the application's, and the sign-in service's. */
class Sessions {
  readonly #application: pg.Client;
  readonly #signIn: pg.Client;
  /** Whether a transaction is open. */
  open = false;

  constructor(database: string) {
    const { application, signIn } = inject('logins');
    const { PGHOST = '', PGPORT } = inject('postgres');
    const as = (login: { user: string; password: string }) =>
      new pg.Client({ host: PGHOST, port: Number(PGPORT), database, ...login });
    this.#application = as(application);
    this.#signIn = as(signIn);
  }

  async connect(): Promise<void> {
    await Promise.all([this.#application.connect(), this.#signIn.connect()]);
  }

  async end(): Promise<void> {
    await Promise.all([this.#application.end(), this.#signIn.end()]);
  }

  /** Does a deed, again while it fails in a way that asks for it. @param restMs between its statements */
  async perform(deed: Deed, restMs: number): Promise<Done> {
    const on = deed.as === 'sign-in' ? this.#signIn : this.#application;
    for (;;) {
      const told: unknown[] = [];
      try {
        await on.query('begin');
        this.open = true;
        if (deed.as === 'service') await on.query('set local role service_role');
        if (typeof deed.as === 'object') {
          const claims = JSON.stringify({ sub: deed.as.user, role: 'authenticated' });
          await on.query('set local role authenticated');
          await on.query("select set_config('request.jwt.claims', $1, true)", [claims]);
        }
        for (const statement of deed.statements) {
          const { rows, rowCount } = await on.query(statement);
          told.push(rows.length > 0 ? rows : rowCount);
          if (restMs > 0) await delay(restMs);
        }
        await on.query('commit');
        return { deed, told };
      } catch (error) {
        const { code = String(error) } = error as pg.DatabaseError;
        await on.query('rollback');
        if (!RETRYABLE.has(code)) return { deed, told: [...told, code] };
      } finally {
        this.open = false;
      }
    }
  }
}

/** @param users whom they work for, shared out among them */
export async function startOldClients(database: string, users: string[], seed: number): Promise<OldClients> {
  const clients = Array.from({ length: CLIENTS }, (_, i) => ({
    sessions: new Sessions(database),
    work: deeds(
      seed * CLIENTS + i,
      users.filter((_, n) => n % CLIENTS === i),
      i === 0,
    ),
    done: [] as Done[],
  }));
  await Promise.all(clients.map(({ sessions }) => sessions.connect()));
  let stopping = false;
  const working = clients.map(async ({ sessions, work, done }) => {
    for (const deed of work) {
      if (stopping) return;
      done.push(await sessions.perform(deed, REST));
    }
  });
  const stop = async () => {
    stopping = true;
    await Promise.all(working);
    await Promise.all(clients.map(({ sessions }) => sessions.end()));
    return clients.map(({ done }) => done);
  };
  return {
    async inTheMiddle() {
      while (!clients.some(({ sessions }) => sessions.open)) await delay(1);
    },
    get ended() {
      return clients.reduce((sum, { done }) => sum + done.length, 0);
    },
    stop,
    async [Symbol.asyncDispose]() {
      if (!stopping) await stop();
    },
  };
}

/** Has clients do the same on another database. @returns what each is told there */
export function repeatDeeds(database: string, all: Done[][]): Promise<Done[][]> {
  return Promise.all(
    all.map(async (dones) => {
      const sessions = new Sessions(database);
      await sessions.connect();
      const again: Done[] = [];
      for (const { deed } of dones) again.push(await sessions.perform(deed, 0));
      await sessions.end();
      return again;
    }),
  );
}
