import { DatabaseError, type PoolClient } from 'pg';
import { connectionLost } from '../../postgres/errors.ts';
import { actAs, disturbed, takenBack } from '../rolled-back.ts';
import type { Actor } from './actors.ts';

/**
 * The ways in which a database says no: insufficient privilege (which row-level security raises too), the check option of a
 * view, an exception of a trigger. Any other error means that the attempt was clumsy, and proves nothing.
 */
const REFUSALS = new Set(['42501', '44000', 'P0001']);

/** How far an attempt got: it `reached` so many rows, was `refused`, or was `clumsy`, which shows nothing. */
export type Attempt =
  | { came: 'reached'; rows: number }
  | { came: 'refused' }
  | { came: 'clumsy'; error: DatabaseError };

/** Does something as that person and takes it back, whatever it was: the role, the claims, the rows. */
export function inTheirName<T>(client: PoolClient, actor: Actor, work: () => Promise<T>): Promise<T> {
  return takenBack(client, async () => {
    await actAs(client, actor.role, actor.claims);
    return work();
  });
}

/**
 * Attempts something as that person, and takes it back. Errors that say nothing about rights, such as a lock that was not
 * to be had or a lost connection, are thrown on.
 * @param work returns how many rows it got at
 */
export function attempt(client: PoolClient, actor: Actor, work: () => Promise<number>): Promise<Attempt> {
  return takenBack(client, async () => {
    try {
      await actAs(client, actor.role, actor.claims);
    } catch (error) {
      // A role that may not be taken on is no refusal of what it would have done.
      return { came: 'clumsy', error: serverError(error) };
    }
    try {
      return { came: 'reached', rows: await work() };
    } catch (thrown) {
      const error = serverError(thrown);
      return REFUSALS.has(error.code ?? '') ? { came: 'refused' } : { came: 'clumsy', error };
    }
  });
}

/** The error, if it is about what was attempted; thrown on otherwise. */
function serverError(error: unknown): DatabaseError {
  const telling =
    error instanceof DatabaseError && !disturbed(error) && error.code !== '57014' && !connectionLost(error);
  if (!telling) throw error;
  return error;
}
