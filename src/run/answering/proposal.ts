import { findStep, type Runbook } from '../../runbook/plan.ts';
import type { Step, StepOf } from '../../runbook/step-schema.ts';
import { type RunState, stepState } from '../state.ts';

export type ProposalKind = NonNullable<StepOf<'signoff'>['proposal']>;
export type Proposal = 'yes' | 'no' | 'pass' | 'fail';

const PROOFS = new Set<Step['kind']>(['check', 'isolation', 'measure', 'http', 'monitor', 'manual']);

/** Steps of the window that come before the given one, in order; all of them when it is in no activity of the window. */
function stepsBefore(runbook: Runbook, signoff: string): Step[] {
  const steps = runbook.activities.filter((each) => each.phase === 'window').flatMap((each) => each.steps);
  const end = steps.findIndex((each) => each.id === signoff);
  return end < 0 ? steps : steps.slice(0, end);
}

/**
 * What the run itself would answer to a sign-off. Strict on purpose: a step that was accepted although it failed makes the
 * validation a `fail` and the production `no`, which a person may overrule by name.
 * @param signoff id of the step that asks; what comes before it counts
 */
export function propose(kind: ProposalKind, runbook: Runbook, state: RunState, signoff: string): Proposal {
  const before = stepsBefore(runbook, signoff).filter((each) => each.kind !== 'signoff');
  const has = (step: Step, ...statuses: string[]) => statuses.includes(stepState(state, step.id).status);
  const answered = (kind: ProposalKind) => {
    const word = state.prompts.findLast((each) => {
      const step = each.prompt.step === undefined ? undefined : findStep(runbook, each.prompt.step)?.step;
      return each.settled !== null && step?.kind === 'signoff' && step.proposal === kind;
    });
    return word?.settled?.choose;
  };
  switch (kind) {
    case 'completed':
      return state.rollback === null && before.every((each) => has(each, 'done', 'accepted', 'skipped')) ? 'yes' : 'no';
    case 'rollback-required':
      return state.rollback !== null || before.some((each) => has(each, 'failed', 'undone', 'undo-failed'))
        ? 'yes'
        : 'no';
    case 'validation':
      return before.every((each) => !PROOFS.has(each.kind) || has(each, 'done', 'skipped')) ? 'pass' : 'fail';
    case 'production-ready': {
      const said = answered('validation') ?? propose('validation', runbook, state, signoff);
      const ready = said === 'pass' && propose('completed', runbook, state, signoff) === 'yes';
      return ready && propose('rollback-required', runbook, state, signoff) === 'no' ? 'yes' : 'no';
    }
  }
}
