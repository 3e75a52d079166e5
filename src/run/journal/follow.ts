import { setTimeout as delay } from 'node:timers/promises';
import type { JournalRecord } from '../events.ts';
import type { Journal, Pulse } from './journal.ts';

/** Who follows a journal, and what they are told. */
export interface Follower {
  signal: AbortSignal;
  /** How long is waited between two looks, in ms; as often as it is worth if not given. */
  interval?(): number;
  onRecords(records: JournalRecord[]): void;
  onPulses?(pulses: Pulse[]): void;
}

/**
 * Tells of every record of a journal, the old ones first, then of new ones as they come, until the signal is aborted.
 * @throws JournalBroken, JournalFailed
 */
export async function follow(journal: Journal, on: Follower): Promise<void> {
  let seen = 0;
  for (let leaving = false; !leaving; ) {
    // What was on record before the signal is told too: it may be the reason for it.
    leaving = on.signal.aborted;
    const records = await journal.read(seen);
    if (records.length > 0) {
      seen = records.at(-1)?.seq ?? seen;
      on.onRecords(records);
    }
    on.onPulses?.(await journal.pulses());
    await delay(on.interval?.() ?? journal.interval, undefined, { signal: on.signal }).catch(() => undefined);
  }
}
