import { basename } from 'node:path';
import { DatabaseError, type PoolClient } from 'pg';
import { connectionLost, RETRYABLE } from '../postgres/errors.ts';
import { render, statements } from '../runbook/sql-file.ts';
import type { Actor } from './actors.ts';
import { actAs } from './rolled-back.ts';
import type { Trial } from './trial.ts';
import { source, type World } from './world.ts';

/**
 * The ways in which a database says no: insufficient privilege (which row-level security raises too), a check, the check
 * option of a view, an exception of a trigger. Any other error means that the attempt was clumsy, and proves nothing.
 */
const REFUSALS = new Set(['42501', '23514', '44000', 'P0001']);

/** Does something as that person and takes it back, whatever it was: the role, the claims, the rows. */
export async function inTheirName<T>(client: PoolClient, actor: Actor, work: () => Promise<T>): Promise<T> {
  await client.query('savepoint theirs');
  try {
    await actAs(client, actor.role, actor.claims);
    return await work();
  } finally {
    // Fails on a connection that is gone, with which everything is taken back anyway.
    await client.query('rollback to savepoint theirs').catch(() => {});
  }
}

/** Whether the database said no. Errors that say nothing about rights, such as a lost connection, are thrown on. */
export function refused(error: unknown): error is DatabaseError {
  if (!(error instanceof DatabaseError)) throw error;
  const code = error.code ?? '';
  if (RETRYABLE.has(code) || code === '57014' || connectionLost(error)) throw error;
  return REFUSALS.has(code);
}

/** What an attack is called in the matrix. */
export const attackName = (path: string): string => basename(path, '.sql');

/**
 * Runs a file of statements as that person. Rows that the last statement returns or touches are rows that should have been
 * out of reach. A file that has to look at what it did says `reset role` before that.
 */
export async function attack(
  client: PoolClient,
  world: World,
  path: string,
  actor: Actor,
  vars: Record<string, string>,
  table: string,
): Promise<Trial> {
  const trial = { table, actor: actor.label, tried: attackName(path) };
  const parts = statements(render(source(world, path).text, { ...vars, ...actor.variables }));
  return inTheirName(client, actor, async () => {
    try {
      let rows = 0;
      for (const { text } of parts) rows = (await client.query(text)).rowCount ?? 0;
      return rows === 0
        ? { ...trial, came: 'held', said: 'no row' }
        : { ...trial, came: 'leaked', said: rows === 1 ? '1 row' : `${rows} rows` };
    } catch (error) {
      if (refused(error)) return { ...trial, came: 'held', said: 'refused' };
      return { ...trial, came: 'untried', said: error instanceof Error ? error.message : String(error) };
    }
  });
}
