import type { Person, RunEvent } from '../run/events.ts';
import { type RunState, stepState } from '../run/state.ts';
import type { Runbook } from '../runbook/plan.ts';
import { MOST_WORKERS } from '../runbook/target-steps.ts';
import { plural } from './format.ts';

/** How many workers the backfill at work has, or will have with its next batch; undefined when none is at work. */
export function workersNow({ runbook, state }: { runbook: Runbook; state: RunState }): number | undefined {
  const steps = runbook.activities.flatMap((activity) => activity.steps);
  const step = steps.find(({ kind, id }) => kind === 'backfill' && stepState(state, id).status === 'running');
  return step?.kind === 'backfill' ? (state.workers ?? step.workers) : undefined;
}

/**
 * Another number of workers for the backfill at work: asked for by number, so that two terminals that want the same do
 * not double it.
 * @param wanted made of how many there are
 * @returns the request, or why it cannot be made
 */
export function staffed(
  { runbook, state }: { runbook: Runbook; state: RunState },
  by: Person,
  wanted: (now: number) => number,
): RunEvent | string {
  const now = workersNow({ runbook, state });
  if (now === undefined) return 'No backfill is at work that workers could be given to.';
  const workers = wanted(now);
  if (!Number.isInteger(workers) || workers < 1 || workers > MOST_WORKERS) {
    return `A backfill has 1 to ${MOST_WORKERS} workers; this one has ${plural(now, 'worker')}.`;
  }
  return { type: 'requested', request: 'workers', workers, by };
}
