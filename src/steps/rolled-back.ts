import { setTimeout as delay } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { connectionLost, RETRYABLE, sqlState } from '../postgres/errors.ts';
import { cancelOnAbort } from '../postgres/transaction.ts';
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
/** Nobody is kept waiting for long by a transaction that comes to nothing, in ms. */
const LOCK_TIMEOUT_MS = 2_000;

/**
 * Does work in one transaction that is always rolled back: to look, or to try what must be refused. Everything in it sees
 * one and the same moment of the database.
 * @param mode `read only` refuses every change; `read write` lets the work try some, and sets `middlewatch.trial`, without
 *   which SQL that must never be committed does nothing
 */
export async function rolledBack<T>(
  world: World,
  step: Step,
  act: Act,
  mode: 'read only' | 'read write',
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    act.signal.throwIfAborted();
    const client = await world.pool.connect();
    let broken = false;
    try {
      await client.query(`begin isolation level repeatable read, ${mode}`);
      const { rows } = await client.query<{ pid: number }>(
        `select set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true), pg_backend_pid() as pid`,
        [String(LOCK_TIMEOUT_MS), String(step.timeout ?? 0)],
      );
      if (mode === 'read write') await client.query(`set local middlewatch.trial = 'on'`);
      using _ = cancelOnAbort(world.pool, rows[0]?.pid ?? 0, act.signal);
      return await work(client);
    } catch (error) {
      act.signal.throwIfAborted();
      broken = connectionLost(error);
      if (attempt >= TRIES || !RETRYABLE.has(sqlState(error) ?? '')) throw error;
    } finally {
      await client.query('rollback').catch(() => {
        broken = true;
      });
      client.release(broken);
    }
    await delay(Math.random() * Math.min(MOST_PAUSE, 10 * 2 ** attempt), undefined, { signal: act.signal });
  }
}

/**
 * From here to the end of the transaction, acts as somebody else: a role, with the claims an application would have sent
 * for them (F15: the owner of a table is above its row-level security, so what the owner sees proves nothing).
 * @param claims JSON, or empty for nobody in particular
 */
export async function actAs(client: PoolClient, role: string, claims: string): Promise<void> {
  await client.query(`set local role ${client.escapeIdentifier(role)}`);
  await client.query(`select set_config('request.jwt.claims', $1, true)`, [claims]);
}
