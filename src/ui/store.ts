import { createStore, type StoreApi } from 'zustand/vanilla';
import type { Person } from '../run/events.ts';
import type { Pulse } from '../run/journal/journal.ts';
import type { Place } from './commands.ts';
import type { Followed } from './followed.ts';
import type { Look } from './look.ts';
import { noted, type Rates } from './rates.ts';
import { openView, type View } from './view.ts';

/** Everything one terminal shows: the run, as folded from its journal, and where the person at it has got to. */
export interface Screen {
  followed: Followed | null;
  /** Nobody conducts the run any more, and nobody has said that it would be so. */
  abandoned: boolean;
  /** The journal does not answer this terminal. */
  cutOff: boolean;
  /** Drawn rarely: one of many terminals, with nobody at its keys. */
  dozing: boolean;
  pulses: Pulse[];
  rates: Rates;
  /** The real clock at the last tick, in ms since the epoch. */
  clock: number;
  columns: number;
  rows: number;
  look: Look;
  me: Person;
  terminal: string;
  /** Whether the run ends with this terminal. */
  endsRun: boolean;
  /** Where the journal is kept. */
  journal: Place['journal'];
  view: View;
}

export type ScreenStore = StoreApi<Screen>;

export function createScreenStore({
  role,
  ...given
}: Pick<Screen, 'look' | 'me' | 'terminal' | 'endsRun' | 'journal' | 'columns' | 'rows'> & {
  role: string | null;
}): ScreenStore {
  return createStore<Screen>(() => ({
    ...given,
    followed: null,
    abandoned: false,
    cutOff: false,
    dozing: false,
    pulses: [],
    rates: {},
    clock: Date.now(),
    view: openView(given.me, role),
  }));
}

/** What the run and its steps at work had come to. @param at when, by the real clock, in ms */
export function withPulses(screen: Screen, pulses: Pulse[], at: number): Partial<Screen> {
  return { pulses, rates: noted(screen.rates, pulses, at) };
}

/** The plan clock as this terminal sees it, in ms since the epoch. */
export function planNow({ followed, clock }: Pick<Screen, 'followed' | 'clock'>): number {
  return clock + (followed?.state.aheadMs ?? 0);
}
