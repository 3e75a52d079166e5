import type { RunState } from '../run/state.ts';

/** Where more terminals than this are on a run, each looks and draws the more rarely: the work is not to wait for them. */
const FEW = 8;

/**
 * How long a terminal waits between two looks or frames, in ms.
 * @param alone as long as it would alone, in ms
 * @param most however many others there are, in ms
 */
export function rarely(state: Pick<RunState, 'terminals'> | undefined, alone: number, most: number): number {
  const terminals = Object.keys(state?.terminals ?? {}).length;
  // So much the more rarely that the more there are the less they take in all.
  return Math.min(most, alone * Math.max(1, terminals / FEW) ** 2);
}
