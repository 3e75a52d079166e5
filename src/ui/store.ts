import { createStore, type StoreApi } from 'zustand/vanilla';
import type { JournalRecord, Person } from '../run/events.ts';
import { fold } from '../run/fold.ts';
import type { Pulse } from '../run/journal.ts';
import type { RunState } from '../run/state.ts';
import type { Runbook } from '../runbook/plan.ts';
import { parseRunbook } from '../runbook/sources.ts';
import type { Look } from './look.ts';
import { narrate, type Told } from './narrate.ts';
import { noted, type Rates } from './rates.ts';
import { openView, type View } from './view.ts';

/** One line of the log. `at` is the plan clock, in ms since the epoch. */
export interface LogLine extends Told {
  seq: number;
  at: number;
}

/** A run as far as its records tell, told in lines. */
export interface Followed {
  runbook: Runbook;
  state: RunState;
  log: LogLine[];
}

/** Everything one terminal shows: the run, as folded from its journal, and where the person at it has got to. */
export interface Screen {
  followed: Followed | null;
  pulses: Pulse[];
  rates: Rates;
  /** The real clock at the last tick, in ms since the epoch. */
  clock: number;
  columns: number;
  rows: number;
  look: Look;
  me: Person;
  terminal: string;
  view: View;
}

export type ScreenStore = StoreApi<Screen>;

export function createScreenStore(given: Pick<Screen, 'look' | 'me' | 'terminal' | 'columns' | 'rows'>): ScreenStore {
  return createStore<Screen>(() => ({
    ...given,
    followed: null,
    pulses: [],
    rates: {},
    clock: Date.now(),
    view: openView(given.me),
  }));
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
  return state && { runbook, state, log };
}

/** What the run and its steps at work have come to. @param at the real clock, in ms */
export function withPulses(screen: Screen, pulses: Pulse[], at: number): Partial<Screen> {
  return { pulses, rates: noted(screen.rates, pulses, at) };
}

/** The plan clock as this terminal sees it, in ms since the epoch. */
export function planNow({ followed, clock }: Pick<Screen, 'followed' | 'clock'>): number {
  return clock + (followed?.state.aheadMs ?? 0);
}
