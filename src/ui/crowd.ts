import type { RunState } from '../run/state.ts';

/** Where more terminals than this are on a run, each looks and draws the more rarely: the work is not to wait for them. */
const FEW = 4;
/** News is looked for at least this often all the same, in ms: what is said is to be seen within half a second. */
const NEWS = 400;

/** How many times as rarely as alone a terminal of this run draws: 1 while they are few. */
export const crowding = (state: Pick<RunState, 'terminals'> | undefined): number =>
  Math.max(1, Object.keys(state?.terminals ?? {}).length / FEW);

/** How often a terminal looks for news, in ms. @param alone as often as it would alone, in ms */
export const newsInterval = (state: Pick<RunState, 'terminals'> | undefined, alone: number): number =>
  Math.max(alone, Math.min(NEWS, alone * crowding(state)));
