import type { Phase, Runbook } from '../../runbook/plan.ts';
import type { Risk } from '../../runbook/schema.ts';
import type { Option } from '../../runbook/step-parts.ts';
import type { Step } from '../../runbook/step-schema.ts';
import type { Evidence } from '../events.ts';
import { type RunState, stepState } from '../state.ts';
import { undosDue } from '../undo.ts';
import { ABORT, type Asked, RETRY, ROLL_BACK, wayBack } from './prompts.ts';

/** Within a rollback there is nothing to roll back to, and what stays is another thing. */
const GIVE_UP: Option = {
  ...ABORT,
  says: 'End the run here. What has been undone stays undone; what has not been stays as it is.',
};

/**
 * What may be chosen when a step fails: as the runbook says, else again, back, or stop.
 * @param traces whether there would be anything to undo
 * @param hard whether it failed in a way that is not to be accepted
 */
export function failureOptions(step: Step, phase: Phase, traces: boolean, hard = false): Option[] {
  if (phase === 'rollback') return step.on_failure?.filter((each) => each.effect !== 'roll-back') ?? [RETRY, GIVE_UP];
  const options = step.on_failure?.filter(({ effect }) => !hard || effect !== 'accept') ?? [RETRY];
  return options.every(({ effect }) => effect === 'retry') ? [...options, ...wayBack(traces)] : options;
}

function failureEvidence(state: RunState, step: Step): Evidence[] {
  const { failure } = stepState(state, step.id);
  if (!failure) return [];
  const text = failure.advice ? `${failure.message}\n${failure.advice}` : failure.message;
  return [{ kind: 'text', title: 'What happened', text }, ...(failure.evidence ?? [])];
}

/** The question after a step has failed, with what each choice does. */
export function failurePrompt(runbook: Runbook, state: RunState, step: Step, phase: Phase): Asked {
  return {
    id: `${step.id}.failed`,
    kind: 'failure',
    step: step.id,
    question: `${step.title} failed. How do we go on?`,
    evidence: failureEvidence(state, step),
    options: failureOptions(step, phase, undosDue(runbook, state).length > 0, stepState(state, step.id).failure?.hard),
    who: [],
  };
}

/** The question after an undo has failed; the way back by hand is part of the evidence. */
export function undoFailurePrompt(runbook: Runbook, state: RunState, step: Step): Asked {
  const restore = runbook.document.rollback.restore;
  const byHand: Evidence[] =
    restore.length > 0
      ? [
          {
            kind: 'text',
            title: 'The way back by hand',
            text: restore.map((line, i) => `${i + 1}. ${line}`).join('\n'),
          },
        ]
      : [];
  return {
    id: `${step.id}.undo-failed`,
    kind: 'failure',
    step: step.id,
    question: `Undoing “${step.title}” failed. How do we go on?`,
    evidence: [...failureEvidence(state, step), ...byHand],
    options: [
      { ...RETRY, says: 'Undo this step again.' },
      {
        choose: 'by-hand',
        effect: 'accept',
        reason: true,
        says: 'It has been undone by hand; go on with the next undo.',
      },
      GIVE_UP,
    ],
    who: [],
  };
}

/** The question whether a step happened, when neither ledger nor `verify` could tell. */
export function doubtPrompt(runbook: Runbook, state: RunState, step: Step, why: string): Asked {
  return {
    id: `${step.id}.in-doubt`,
    kind: 'in-doubt',
    step: step.id,
    question: `Has “${step.title}” happened? The run was interrupted, and it cannot tell.`,
    evidence: [{ kind: 'text', title: 'What is known', text: why }],
    options: [
      { choose: 'happened', effect: 'accept', reason: true, says: 'It happened, once: go on after it.' },
      { choose: 'not-done', effect: 'retry', reason: true, says: 'It did not happen: do it now.' },
      {
        choose: 'look-again',
        effect: 'proceed',
        reason: false,
        says: 'Look again; ask again if it still cannot be told.',
      },
      ...wayBack(undosDue(runbook, state).length > 0),
    ],
    who: [],
  };
}

/** The question a risk of the plan turns into, once its limit is passed; the step goes on meanwhile. */
export function tripwirePrompt(risk: Risk, step: Step, tookMs: number): Asked {
  return {
    id: `tripwire.${risk.id}`,
    kind: 'tripwire',
    step: step.id,
    question: `${risk.says}. Do we carry on?`,
    evidence: [
      {
        kind: 'text',
        title: 'What the plan says',
        text: `“${step.title}” has been at work for ${Math.round(tookMs / 60_000)} minutes. Mitigation: ${risk.mitigation}.`,
      },
    ],
    options: [{ choose: 'carry-on', effect: 'proceed', reason: true, says: 'Let the step go on.' }, ROLL_BACK, ABORT],
    who: [],
  };
}
