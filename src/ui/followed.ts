import type { JournalRecord } from '../run/events.ts';
import { fold } from '../run/fold.ts';
import type { RunState } from '../run/state.ts';
import type { Runbook } from '../runbook/plan.ts';
import { parseRunbook } from '../runbook/sources.ts';
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

/** The runbook of a run, from its first record. @throws RunbookInvalid */
function runbookOf({ event }: JournalRecord): Runbook {
  if (event.type !== 'run-opened') throw new TypeError('A journal begins with run-opened.');
  return parseRunbook(event.sources, { opens: event.opens, settings: event.settings });
}

/** The run after these records, in their order. @throws RunbookInvalid */
export function followedBy(before: Followed | null, records: readonly JournalRecord[]): Followed | null {
  const [first] = records;
  if (!first) return before;
  const runbook = before?.runbook ?? runbookOf(first);
  let state = before?.state ?? null;
  const log = [...(before?.log ?? [])];
  for (const record of records) {
    state = fold(state, record);
    const told = narrate(record.event, state, runbook);
    if (told) log.push({ seq: record.seq, at: record.at, ...told });
  }
  return state && { runbook, state, records: [...(before?.records ?? []), ...records], log };
}
