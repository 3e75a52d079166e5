import { hash } from 'node:crypto';
import { misshapen } from '../event-shape.ts';
import type { JournalRecord, RunEvent } from '../events.ts';
import { JournalBroken } from './journal.ts';

/** What the first record of every journal follows. */
export const GENESIS = '0'.repeat(64);

function digest(prev: string, seq: number, at: number, event: string): string {
  return hash('sha256', `${prev}\n${seq}\n${at}\n${event}`);
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

/** A record of the store as it should be, whatever has been made of its columns. */
function isStored(record: Record<keyof StoredRecord, unknown>): record is StoredRecord {
  const { at, prev, hash, event } = record;
  const isMoment = Number.isSafeInteger(at) && !Number.isNaN(new Date(at as number).valueOf());
  return isMoment && [prev, hash, event].every((each) => typeof each === 'string');
}

function eventOf(seq: number, text: string): RunEvent {
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch (cause) {
    throw new JournalBroken(seq, 'is not JSON', { cause });
  }
  const wrong = misshapen(event);
  if (wrong !== null) throw new JournalBroken(seq, wrong);
  return event as RunEvent;
}

/**
 * Checks that stored records follow from `last`, and reads them.
 * @param stored in the order in which the store has them; anything may have been done to it
 * @throws JournalBroken naming the first record that does not
 */
export function verified(
  last: { seq: number; hash: string },
  stored: readonly Record<keyof StoredRecord, unknown>[],
): JournalRecord[] {
  let { seq, hash } = last;
  return stored.map((record) => {
    const next = seq + 1;
    if (record.seq !== next) {
      const inTheWay = typeof record.seq === 'number' && record.seq < next;
      throw inTheWay
        ? new JournalBroken(record.seq as number, `stands where record ${next} belongs`)
        : new JournalBroken(next, 'is missing');
    }
    if (!isStored(record)) throw new JournalBroken(next, 'has been changed: it holds what no record does');
    if (record.prev !== hash) throw new JournalBroken(next, 'does not follow from the one before it');
    if (record.hash !== digest(record.prev, next, record.at, record.event)) {
      throw new JournalBroken(next, 'has been changed since it was written');
    }
    ({ seq, hash } = record);
    return { ...record, event: eventOf(next, record.event) };
  });
}
