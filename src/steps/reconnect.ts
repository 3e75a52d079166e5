import { setTimeout as delay } from 'node:timers/promises';
import { CursorMoved } from '../postgres/cursor.ts';
import { ConnectionFailed, connectionLost, InDoubt, WrongTarget } from '../postgres/errors.ts';
import { type Identity, identify } from '../postgres/identity.ts';
import type { Act } from '../run/performer.ts';
import type { World } from './world.ts';

/** How long a server may be away before a person is asked, in ms: a restart or a short cut of the network. */
const PATIENCE = 2 * 60_000;
/** A server that is lost more often than this by one act is not lost by chance. */
const MOST_LOSSES = 10;
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 5_000;

/**
 * Does work that can be carried on with at any time, and carries on by itself when the connection was lost and is back:
 * to the same database, and to the same life of it.
 * @param work begins by looking at what has been committed, and does the rest
 * @param told is given what it waits for, in words
 * @throws what the work threw, when that is no loss, when it happens too often, or when the server stays away
 * @throws WrongTarget when another server answers, or this one after a failover
 */
export async function throughLosses<T>(
  act: Act,
  world: World,
  told: (why: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  const before = await identify(world.pool);
  for (let losses = 1; ; losses += 1) {
    try {
      return await work();
    } catch (error) {
      act.signal.throwIfAborted();
      if (!lost(error) || losses > MOST_LOSSES) throw error;
      told('the connection was lost; waiting for the database');
      await act.note(`lost the connection to the database, and carries on when it is back: ${wordsOf(error)}`);
      const awayMs = await back(before, error, act, world);
      await act.note(
        `the database is back after ${(awayMs / 1_000).toFixed(1)} s; carries on from the last batch it has`,
      );
    }
  }
}

function lost(error: unknown): boolean {
  if (error instanceof InDoubt || error instanceof ConnectionFailed || error instanceof CursorMoved) return true;
  return connectionLost(error) || (error instanceof Error && error.message.startsWith('timeout exceeded when trying'));
}

function wordsOf(error: unknown): string {
  if (error instanceof ConnectionFailed && error.cause instanceof Error) return error.cause.message;
  return error instanceof Error ? error.message : String(error);
}

/** Waits until the server answers. @returns how long it was away, in ms */
async function back(before: Identity, loss: unknown, act: Act, world: World): Promise<number> {
  const began = performance.now();
  for (let pause = FIRST_PAUSE; ; pause = Math.min(LONGEST_PAUSE, pause * 2)) {
    await delay(pause, undefined, { signal: act.signal });
    try {
      const now = await identify(world.pool);
      if (now.system !== before.system || now.timeline !== before.timeline) {
        throw new WrongTarget(
          'Another server answers, or this one after a failover: what was committed last may not be there.',
          'Compare the two, and connect to the one the run began with; else abort.',
        );
      }
      return performance.now() - began;
    } catch (error) {
      if (!lost(error)) throw error;
      if (performance.now() - began > PATIENCE) throw loss;
    }
  }
}
