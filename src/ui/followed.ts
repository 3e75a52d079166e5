import type { JournalRecord } from '../run/events.ts';
import { foldAll } from '../run/fold/fold.ts';
import { runbookOf } from '../run/pins.ts';
import type { RunState } from '../run/state.ts';
import type { Runbook } from '../runbook/plan.ts';
import { narrate, type Told } from './narrate.ts';

/** One line of the log. `at` is the plan clock, in ms since the epoch. */
export interface LogLine extends Told {
  seq: number;
  at: number;
}

/** A run as far as its records tell, told in lines. */
export interface Followed {
  runbook: Runbook;
  state: RunState;
  records: readonly JournalRecord[];
  log: readonly LogLine[];
}

/** The run after these records, in their order. @throws RunbookInvalid */
export function followedBy(before: Followed | null, records: readonly JournalRecord[]): Followed | null {
  if (records.length === 0) return before;
  const log = [...(before?.log ?? [])];
  let runbook = before?.runbook;
  let pin = before?.state.pin;
  const state = foldAll(before?.state ?? null, records, (now, record) => {
    // Another version of the runbook may have been approved.
    const current = runbook === undefined || now.pin !== pin ? runbookOf(now) : runbook;
    runbook = current;
    pin = now.pin;
    const told = narrate(record.event, now, current);
    if (told) log.push({ seq: record.seq, at: record.at, ...told });
  });
  if (state === null || runbook === undefined) return null;
  return { runbook, state, records: [...(before?.records ?? []), ...records], log };
}
