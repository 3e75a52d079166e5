import type { Runbook } from '../runbook/plan.ts';
import { FINISHED, type RunState, stepState } from './state.ts';

/** When the window's work began and ended, in ms of the plan clock; null for what has not happened. */
export interface WindowSpan {
  beganAt: number | null;
  endedAt: number | null;
}

/** The window's work ends with its last step, or with the run itself when that comes first: rolled back, aborted. */
export function windowSpan(runbook: Runbook, state: RunState): WindowSpan {
  const beganAt = state.windowBeganAt;
  if (beganAt === null) return { beganAt, endedAt: null };
  const steps = runbook.activities
    .filter((activity) => activity.phase === 'window')
    .flatMap((activity) => activity.steps)
    .map((step) => stepState(state, step.id));
  if (steps.every((step) => FINISHED.has(step.status))) {
    return { beganAt, endedAt: Math.max(beganAt, ...steps.map((step) => step.endedAt ?? beganAt)) };
  }
  return { beganAt, endedAt: state.outcome?.at ?? null };
}
