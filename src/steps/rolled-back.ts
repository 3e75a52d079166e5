import { setTimeout as delay } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import type { Table } from '../postgres/ask.ts';
import { connectionLost, worthRetry } from '../postgres/errors.ts';
import { blocked, cancelOnAbort, watchBlockers } from '../postgres/transaction.ts';
import type { Act } from '../run/performer.ts';
import type { Step } from '../runbook/step-schema.ts';
import type { World } from './world.ts';

/**
 * How often work that met a lock, a deadlock or another's change is begun again before it counts as failed. Rows that an
 * application never leaves alone for long need many tries, apart by chance.
 */
const TRIES = 30;
/** Longest pause between two tries, in ms. */
const MOST_PAUSE = 500;

const ISOLATION = {
  'read only': 'isolation level repeatable read, read only',
  'read write': 'isolation level read committed, read write',
  'read write at one moment': 'isolation level repeatable read, read write',
};
type Mode = keyof typeof ISOLATION;

/** How long a lock is waited for, in ms: whoever tries something holds locks that the application may be waiting for. */
const LOCK_TIMEOUT_MS = { 'read only': 2_000, 'read write': 250, 'read write at one moment': 250 };

/** A process that was stopped or cut off in mid-transaction keeps its locks no longer than this, in ms. */
const IDLE_TIMEOUT_MS = 5_000;

/** What the work needs is held by somebody else at the moment: it is begun again, as after a lock timeout. */
export class Busy extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'Busy';
  }
}

/** Whether the same work, done again, may well succeed. */
export function disturbed(error: unknown): boolean {
  return error instanceof Busy || worthRetry(error);
}

/**
 * Does work in one transaction that is always rolled back: to look, or to try what must be refused.
 * @param mode `read only` refuses every change, and all of it sees one and the same moment of the database, that of its
 *   first statement; `read write` lets the work try some changes, and sets `middlewatch.trial`, without which SQL that must
 *   never be committed does nothing; `read write at one moment` is both, and is begun again where rows that it changes have
 *   changed since
 * @throws Blocked after 30 tries that met a lock, with who stands in the way
 */
export async function rolledBack<T>(
  world: World,
  step: Step,
  act: Act,
  mode: Mode,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  let inTheWay: Table | undefined;
  for (let attempt = 1; ; attempt++) {
    act.signal.throwIfAborted();
    const client = await world.pool.connect();
    let broken = false;
    try {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      // SET takes no snapshot, so that the work's first statement does.
      await client.query(
        `begin ${ISOLATION[mode]};
         set local lock_timeout = ${LOCK_TIMEOUT_MS[mode]};
         set local idle_in_transaction_session_timeout = ${IDLE_TIMEOUT_MS};
         set local statement_timeout = ${step.timeout ?? 0};
         ${mode === 'read only' ? '' : "set local middlewatch.trial = 'on'"}`,
      );
      const pid = rows[0]?.pid ?? 0;
      using held = new DisposableStack();
      held.use(cancelOnAbort(world.pool, pid, act.signal));
      if (attempt > 1) {
        held.use(
          watchBlockers(world.pool, pid, LOCK_TIMEOUT_MS[mode] / 4, (table) => {
            inTheWay = table;
          }),
        );
      }
      return await work(client);
    } catch (error) {
      act.signal.throwIfAborted();
      broken = connectionLost(error);
      if (!disturbed(error)) throw error;
      if (attempt >= TRIES) throw error instanceof Busy ? error : blocked(TRIES, error, inTheWay);
    } finally {
      await client.query('rollback').catch(() => {
        broken = true;
      });
      // A cancel may still be on its way to it.
      client.release(broken || act.signal.aborted);
    }
    await delay(Math.random() * Math.min(MOST_PAUSE, 10 * 2 ** attempt), undefined, { signal: act.signal });
  }
}

/** Does something and takes it back, whatever it was: rows, role, settings; also what had to fail. */
export async function takenBack<T>(client: PoolClient, work: () => Promise<T>): Promise<T> {
  await client.query('savepoint taken_back');
  try {
    return await work();
  } finally {
    // Fails on a connection that is gone, with which everything is taken back anyway.
    await client.query('rollback to savepoint taken_back; release savepoint taken_back').catch(() => {});
  }
}

/**
 * From here to the end of the transaction, acts as somebody else: a role, with the claims an application would have sent
 * for them (F15: the owner of a table is above its row-level security, so what the owner sees proves nothing).
 * @param claims JSON, or empty for nobody in particular
 */
export async function actAs(client: PoolClient, role: string, claims: string): Promise<void> {
  await client.query(
    `set local role ${client.escapeIdentifier(role)};
     set local request.jwt.claims = ${client.escapeLiteral(claims)}`,
  );
}
