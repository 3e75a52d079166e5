import { setTimeout as delay } from 'node:timers/promises';
import type { JournalRecord } from '../events.ts';
import type { Journal, Pulse } from './journal.ts';

/** Who follows a journal, and what they are told. */
export interface Follower {
  signal: AbortSignal;
  /**
   * How long is waited between two looks for records, in ms; as long as it is worth if not given.
   * @param told whether the journal has told of news so far, and so will again
   */
  interval?(told: boolean): number;
  /** Aborted when a rest has become too long: what `interval` and `untilProgress` say is asked again. */
  hurried?(): AbortSignal;
  /** After being told of news the rest of them is waited for, in ms, so that they are told together; not at all if not given. */
  gathering?(): number;
  onRecords(records: JournalRecord[]): void;
  /** Told how far the steps at work have come. */
  onPulses?(pulses: Pulse[]): void;
  /**
   * How long it is until that is worth another look, in ms, whatever news there is; with every look for records if not given.
   * @param since when it was looked for last, by the monotonic clock
   */
  untilProgress?(since: number): number;
}

/**
 * Tells of every record of a journal, the old ones first, then of new ones as they come, until the signal is aborted.
 * @throws JournalBroken, JournalFailed
 */
export async function follow(
  journal: Pick<Journal, 'interval' | 'onNews' | 'read' | 'pulses'>,
  on: Follower,
): Promise<void> {
  let seen = 0;
  let told = false;
  let news = new AbortController();
  let lookedAt: number | undefined;
  const untilProgress = () => {
    if (!on.onPulses) return Number.POSITIVE_INFINITY;
    return lookedAt === undefined ? 0 : Math.max(0, on.untilProgress?.(lookedAt) ?? 0);
  };
  const wait = (ms: number, ...signals: AbortSignal[]) =>
    delay(ms, undefined, { signal: AbortSignal.any([on.signal, ...signals]) }).catch(() => undefined);
  const deaf = journal.onNews(() => {
    told = true;
    news.abort();
  });
  try {
    for (let leaving = false; !leaving; ) {
      // What was on record before the signal is told too: it may be the reason for it.
      leaving = on.signal.aborted;
      // Whatever comes from here on is found in this look, or told of before the next.
      news = new AbortController();
      const records = await journal.read(seen);
      if (records.length > 0) {
        seen = records.at(-1)?.seq ?? seen;
        on.onRecords(records);
      }
      if (on.onPulses && untilProgress() === 0) {
        on.onPulses(await journal.pulses());
        lookedAt = performance.now();
      }
      const hurried = on.hurried?.();
      const rest = Math.min(on.interval?.(told) ?? journal.interval, untilProgress());
      await wait(Math.ceil(rest), news.signal, ...(hurried ? [hurried] : []));
      if (news.signal.aborted) await wait(on.gathering?.() ?? 0);
    }
  } finally {
    deaf();
  }
}
