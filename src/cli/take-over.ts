import { setTimeout as delay } from 'node:timers/promises';
import { type Journal, type Lease, LeaseHeld } from '../run/journal/journal.ts';
import { stateOf } from './runs.ts';

/** Between two tries, in ms. */
const TRY_EVERY = 500;

/**
 * Takes the lease in the place of a conductor that was not heard of any more. One that is heard of again just then has been
 * asked to hand the run over, and is waited for until it has left.
 * @throws LeaseHeld by a conductor that was not asked; the signal's reason when aborted
 */
export async function takeOver(journal: Pick<Journal, 'acquire' | 'read'>, signal: AbortSignal): Promise<Lease> {
  for (;;) {
    try {
      return await journal.acquire(true);
    } catch (error) {
      const asked = error instanceof LeaseHeld && stateOf(await journal.read(0))?.handingOver;
      if (!asked) throw error;
    }
    await delay(TRY_EVERY, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
