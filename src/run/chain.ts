import { createHash } from 'node:crypto';
import type { JournalRecord, RunEvent } from './events.ts';
import { JournalBroken } from './journal.ts';

/** What the first record of every journal follows. */
export const GENESIS = '0'.repeat(64);

function digest(prev: string, seq: number, at: number, event: string): string {
  return createHash('sha256').update(`${prev}\n${seq}\n${at}\n${event}`).digest('hex');
}

/** A record as it is stored: the event as the very text that was hashed. */
export interface StoredRecord {
  seq: number;
  at: number;
  prev: string;
  hash: string;
  event: string;
}

/** The next record after one with this `seq` and `hash`. */
export function chained(last: { seq: number; hash: string }, at: number, event: RunEvent): StoredRecord {
  const seq = last.seq + 1;
  const text = JSON.stringify(event);
  return { seq, at, prev: last.hash, hash: digest(last.hash, seq, at, text), event: text };
}

/**
 * Checks that stored records follow from `last`, and reads them.
 * @throws JournalBroken naming the first record that does not
 */
export function verified(last: { seq: number; hash: string }, stored: readonly StoredRecord[]): JournalRecord[] {
  let { seq, hash } = last;
  return stored.map((record) => {
    if (record.seq !== seq + 1) throw new JournalBroken(seq + 1, 'is missing');
    if (record.prev !== hash) throw new JournalBroken(record.seq, 'does not follow from the one before it');
    if (record.hash !== digest(record.prev, record.seq, record.at, record.event)) {
      throw new JournalBroken(record.seq, 'has been changed since it was written');
    }
    ({ seq, hash } = record);
    return { ...record, event: JSON.parse(record.event) as RunEvent };
  });
}
