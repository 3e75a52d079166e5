import { setTimeout as delay } from 'node:timers/promises';
import { CursorMoved } from '../postgres/cursor.ts';
import { enders, serverStart } from '../postgres/ended-sessions.ts';
import { ConnectionFailed, connectionLost, EndedOnPurpose, InDoubt, Standby, sqlState } from '../postgres/errors.ts';
import { quiet } from '../postgres/transaction.ts';
import type { Progress } from '../run/journal/journal.ts';
import type { Act } from '../run/performer.ts';
import { assureTarget } from './target.ts';
import type { World } from './world.ts';

/** A session that is ended again within this time, in ms, while the server stands, is not ended by chance. */
const ON_PURPOSE = 60_000;
/** How long a server may be away before a person is asked, in ms: a restart or a short cut of the network. */
const PATIENCE = 2 * 60_000;
/** A server that is lost more often than this by one act is not lost by chance. */
const MOST_LOSSES = 10;
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 5_000;

/**
 * Does work that can be carried on with at any time, and carries on by itself when the connection was lost and is back:
 * to the same database, and with all that was committed there.
 * @param work begins by looking at what has been committed, and does the rest
 * @throws EndedOnPurpose when somebody ends the sessions again and again
 * @throws what the work threw, when that is no loss, when it happens too often, or when the server stays away
 * @throws TargetChanged when another server answers, or this one after a failover
 */
export async function throughLosses<T>(act: Act, world: World, work: (act: Act) => Promise<T>): Promise<T> {
  let last: Progress = { done: 0, total: 0, unit: '' };
  const pulse = (progress: Progress) => {
    last = progress;
    act.pulse(progress);
  };
  const watched: Act = { ...act, pulse };
  let ended: Ending | null = null;
  for (let losses = 1; ; losses += 1) {
    try {
      // The first look may be what finds the server away.
      await assureTarget(act, world);
      // The act before, or this one before its loss, may have a COMMIT on its way.
      await quiet({ pool: world.pool, fence: { run: world.run, token: act.token }, signal: act.signal });
      return await work(watched);
    } catch (error) {
      act.signal.throwIfAborted();
      if (!lost(error) || losses > MOST_LOSSES) throw error;
      act.pulse({ ...last, note: 'the connection was lost; waiting for the database' });
      await act.note(`lost the connection to the database, and carries on when it is back: ${wordsOf(error)}`);
      const awayMs = await back(error, act, world);
      ended = await endingAfter(ended, error, world);
      await act.note(
        `the database is back after ${(awayMs / 1_000).toFixed(1)} s; carries on from what it has committed`,
      );
    }
  }
}

/** A session of ours that was ended by an administrator, or by the server's going down. */
interface Ending {
  /** Monotonic, in ms. */
  at: number;
  serverStart: string;
}

/**
 * What is to be remembered of a loss, once the server is back.
 * @param before what was remembered of those before it
 * @throws EndedOnPurpose when it is the second in a short time, and the server has stood in between
 */
async function endingAfter(before: Ending | null, loss: unknown, { pool }: World): Promise<Ending | null> {
  // admin_shutdown: by pg_terminate_backend, too.
  if (sqlState(loss) !== '57P01') return before;
  const ending = { at: performance.now(), serverStart: await serverStart(pool) };
  if (before?.serverStart !== ending.serverStart || ending.at - before.at > ON_PURPOSE) return ending;
  const table = await enders(pool);
  throw new EndedOnPurpose(
    'Somebody, or something, has ended our session for the second time within a minute, and the server stands.',
    table.rows.length === 0
      ? 'Who it was cannot be seen from here: ask whoever looks after the server, then retry. What was committed is kept.'
      : 'Those who may have been it are shown: ask them, then retry. What was committed is kept.',
    { cause: loss, table },
  );
}

function lost(error: unknown): boolean {
  if (error instanceof InDoubt || error instanceof ConnectionFailed || error instanceof CursorMoved) return true;
  // One that is about to be promoted, if nothing else: the next look tells.
  if (error instanceof Standby || connectionLost(error)) return true;
  return error instanceof Error && error.message.startsWith('timeout exceeded when trying');
}

function wordsOf(error: unknown): string {
  if (error instanceof ConnectionFailed && error.cause instanceof Error) return error.cause.message;
  return error instanceof Error ? error.message : String(error);
}

/** Waits until the server answers. @returns how long it was away, in ms */
async function back(loss: unknown, act: Act, world: World): Promise<number> {
  const began = performance.now();
  for (let pause = FIRST_PAUSE; ; pause = Math.min(LONGEST_PAUSE, pause * 2)) {
    await delay(pause, undefined, { signal: act.signal });
    try {
      await assureTarget(act, world);
      return performance.now() - began;
    } catch (error) {
      if (!lost(error)) throw error;
      if (performance.now() - began > PATIENCE) throw loss;
    }
  }
}
