import type { Runbook } from '../../runbook/plan.ts';
import type { Step } from '../../runbook/step-schema.ts';
import { spell } from '../spell.ts';
import { type RunState, stepState } from '../state.ts';

/** Sign-offs that what comes next rests on: before the window all of its preparation, else the one just before a step. */
function groundsOf(runbook: Runbook, next: Step | 'window'): Step[] {
  const activities = runbook.activities.filter(({ phase }) => phase !== 'rollback');
  if (next === 'window') return activities.filter(({ phase }) => phase === 'prepare').flatMap(({ steps }) => steps);
  const steps = activities.flatMap((activity) => activity.steps);
  const before = steps[steps.findIndex(({ id }) => id === next.id) - 1];
  return before ? [before] : [];
}

/**
 * The sign-off that has expired before what it was given for has begun, and why it is asked for again; undefined when none has.
 * @param next what is about to begin
 * @param now plan clock, ms since the epoch
 */
export function lapsed(
  runbook: Runbook,
  state: RunState,
  next: Step | 'window',
  now: number,
): { step: Step; why: string } | undefined {
  if (next !== 'window' && stepState(state, next.id).attempt > 0) return undefined;
  for (const step of groundsOf(runbook, next)) {
    if (step.kind !== 'signoff' || step.valid_for === undefined) continue;
    const signed = state.prompts.findLast(({ prompt, settled }) => prompt.step === step.id && settled !== null);
    if (!signed || signed.superseded !== null || signed.closedAt === null) continue;
    const age = now - signed.closedAt;
    if (age > step.valid_for)
      return { step, why: `it was given ${spell(age)} ago, and holds for ${spell(step.valid_for)}` };
  }
  return undefined;
}
