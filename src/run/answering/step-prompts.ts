import type { Runbook } from '../../runbook/plan.ts';
import type { Option } from '../../runbook/step-parts.ts';
import type { Step } from '../../runbook/step-schema.ts';
import type { PromptKind, PromptOption, Result } from '../events.ts';
import type { RunState } from '../state.ts';
import { undosDue } from '../undo.ts';
import { ABORT, type Asked, ROLL_BACK, signedIf, wayBack } from './prompts.ts';

const SIGN: PromptOption = {
  choose: 'sign',
  effect: 'proceed',
  reason: false,
  approves: true,
  says: 'I stand by this statement.',
};
const REFUSE: Option = { ...ABORT, choose: 'refuse', says: 'I do not. The run ends here; nothing is undone.' };

/** Yes and no, or their like; whoever decides against what the run proposes says why. */
function verdict(choices: readonly [string, string], proposal: unknown, back: Option[]): PromptOption[] {
  const options = choices.map((choose): PromptOption => {
    const reason = choose !== proposal;
    const says = `Put “${choose}” on record${reason ? ', with the reason' : ''}.`;
    return { choose, effect: 'proceed', reason, approves: true, says };
  });
  return [...options, ...back];
}

function askingOptions(
  runbook: Runbook,
  state: RunState,
  step: Step,
  proposal: unknown,
): { kind: PromptKind; options: PromptOption[] } {
  const back = undosDue(runbook, state).length > 0 ? [ROLL_BACK] : [];
  if (step.kind === 'decision') return { kind: 'decision', options: step.options };
  if (step.kind === 'signoff') {
    if (step.proposal === undefined) return { kind: 'signoff', options: [SIGN, REFUSE, ...back] };
    const choices = step.proposal === 'validation' ? (['pass', 'fail'] as const) : (['yes', 'no'] as const);
    return { kind: 'signoff', options: verdict(choices, proposal, back) };
  }
  return {
    kind: 'manual',
    options: [
      { choose: 'done', effect: 'proceed', reason: false, says: 'Every item has been seen to.' },
      {
        choose: 'exception',
        effect: 'accept',
        reason: true,
        says: 'Go on although an item is open; say which and why.',
      },
      ...wayBack(undosDue(runbook, state).length > 0),
    ],
  };
}

/** The question of a decision, sign-off or checklist, with the evidence its step has gathered. */
export function stepPrompt(runbook: Runbook, state: RunState, step: Step, result: Result): Asked {
  const who =
    step.kind === 'signoff' ? [step.role] : step.kind === 'decision' || step.kind === 'manual' ? step.who : [];
  const barred = step.kind === 'signoff' && step.not_by_author && state.author !== null;
  const question = step.kind === 'decision' ? step.question : step.kind === 'signoff' ? step.statement : step.title;
  const proposal = result.facts?.proposal;
  const own = (step.kind === 'signoff' || step.kind === 'decision') && step.signatures === 'required';
  return {
    id: step.id,
    step: step.id,
    ...(step.kind === 'signoff' || own ? signedIf(runbook, own ? undefined : who) : {}),
    question,
    evidence: result.evidence ?? [],
    who,
    ...askingOptions(runbook, state, step, proposal),
    ...(step.kind === 'manual' ? { items: step.items } : {}),
    ...(typeof proposal === 'string' ? { proposal } : {}),
    ...(barred ? { notBy: [{ name: state.author ?? '', why: 'wrote the last change of this runbook' }] } : {}),
  };
}
