import type { JournalRecord } from '../run/events.ts';
import { fold } from '../run/fold.ts';
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
  let state = before?.state ?? null;
  const log = [...(before?.log ?? [])];
  let runbook = before?.runbook;
  for (const record of records) {
    const pin = state?.pin;
    state = fold(state, record);
    // Another version of the runbook may have been approved.
    runbook = runbook === undefined || state.pin !== pin ? runbookOf(state) : runbook;
    const told = narrate(record.event, state, runbook);
    if (told) log.push({ seq: record.seq, at: record.at, ...told });
  }
  if (state === null || runbook === undefined) return null;
  return { runbook, state, records: [...(before?.records ?? []), ...records], log };
}
