import type { Runbook } from '../runbook/plan.ts';
import type { Step } from '../runbook/step-schema.ts';
import { type RunState, stepState } from './state.ts';

/** Whether a step leaves something behind that its undo takes away again. */
export function undoable(step: Step): boolean {
  switch (step.kind) {
    case 'index':
    case 'policies':
      return true;
    case 'check':
      return step.rows !== undefined;
    default:
      return (step.undo?.files.length ?? 0) > 0;
  }
}

/** Steps whose traces are still in the database, last begun first: what a rollback from here has to undo. */
export function undosDue(runbook: Runbook, state: RunState): Step[] {
  return runbook.activities
    .filter((activity) => activity.phase !== 'rollback')
    .flatMap((activity) => activity.steps)
    .filter((step) => undoable(step))
    .filter((step) => {
      const { attempt, status } = stepState(state, step.id);
      return attempt > 0 && status !== 'undone';
    })
    .reverse();
}

/**
 * Whether a check of a rollback compares with what was never remembered because nothing had been done yet: the rollback
 * came that early. Once anything had to be undone, such a comparison has to be made, and fails.
 */
export function nothingToCompare(runbook: Runbook, state: RunState, check: Step): boolean {
  if (check.kind !== 'check' || (check.catalog ?? check.rows) !== 'compare') return false;
  const begun = runbook.activities
    .filter((activity) => activity.phase !== 'rollback')
    .flatMap((activity) => activity.steps)
    .filter((step) => stepState(state, step.id).attempt > 0);
  const remembers = (step: Step) => step.kind === 'check' && (check.catalog ? step.catalog : step.rows) === 'remember';
  return !begun.some((step) => undoable(step) || remembers(step));
}

/** How long undoing a step should take, in ms: as declared, else as long as the step itself took. */
export function undoEstimate(step: Step, state: RunState): number {
  return step.undo?.estimate ?? stepState(state, step.id).workMs;
}
