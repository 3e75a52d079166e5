import type { Phase, Runbook } from '../../runbook/plan.ts';
import type { Risk } from '../../runbook/schema.ts';
import type { Option } from '../../runbook/step-parts.ts';
import type { Step } from '../../runbook/step-schema.ts';
import type { Evidence, Prompt, PromptKind, PromptOption, Result } from '../events.ts';
import { type RunState, stepState } from '../state.ts';
import { undosDue } from '../undo.ts';
import { pinOf } from './statement.ts';

/** A question, before it is counted how often it has been asked. */
export type Asked = Omit<Prompt, 'round'>;

const ROLL_BACK: Option = {
  choose: 'roll-back',
  effect: 'roll-back',
  reason: true,
  says: 'Undo everything done so far, in reverse, once a second person has approved it.',
};
const ABORT: Option = {
  choose: 'abort',
  effect: 'abort',
  reason: true,
  says: 'End the run here. What has been done stays as it is; nothing is undone.',
};
const RETRY: Option = {
  choose: 'retry',
  effect: 'retry',
  reason: false,
  says: 'Do the step again from its beginning.',
};

/** Within a rollback there is nothing to roll back to, and what stays is another thing. */
const GIVE_UP: Option = {
  ...ABORT,
  says: 'End the run here. What has been undone stays undone; what has not been stays as it is.',
};

/** Going back, where there is anything to undo, and stopping. */
function wayBack(traces: boolean): Option[] {
  const abort = { ...ABORT, says: `${ABORT.says} \`runbook run --roll-back WHY\` still can.` };
  return traces ? [ROLL_BACK, abort] : [ABORT];
}

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

/** Marks a question whose answer is to be signed: always (undefined), or as the runbook or one of the roles asks for it. */
function signedIf({ document }: Runbook, roles: readonly string[] | undefined): { signed?: true } {
  const required = [document.signatures, ...(roles ?? []).map((role) => document.roles[role]?.signatures)];
  return roles === undefined || required.includes('required') ? { signed: true } : {};
}

/** The approval that stands in front of every rollback. */
export function rollbackPrompt(runbook: Runbook, state: RunState): Asked {
  const undos = undosDue(runbook, state);
  const wanted = state.rollback;
  return {
    id: 'rollback',
    ...secondPerson(runbook, state, wanted?.by?.name),
    kind: 'rollback',
    question: `${wanted?.by?.name ?? 'Somebody'} asks to roll back: ${wanted?.reason ?? ''}`,
    evidence: [
      {
        kind: 'rows',
        title: 'What will be undone, in this order',
        columns: ['step', 'kind'],
        rows: undos.map((step) => [step.title, step.kind]),
        more: 0,
      },
    ],
    options: [
      {
        choose: 'approve',
        effect: 'roll-back',
        reason: false,
        approves: true,
        says:
          undos.length === 0
            ? 'End the run as rolled back; nothing has to be undone.'
            : `Undo ${undos.length === 1 ? 'this step' : `these ${undos.length} steps`} now, last one first.`,
      },
      { choose: 'refuse', effect: 'proceed', reason: true, says: 'Do not roll back; return to where the run stood.' },
    ],
  };
}

/** The approval without which a run does not go on with another version of its files. */
export function changePrompt(
  runbook: Runbook,
  state: RunState,
  { by, reason, diff, sources }: NonNullable<RunState['proposed']>,
): Asked {
  const touched = (step: Step) => stepState(state, step.id).status !== 'pending';
  const begun = runbook.activities.flatMap(({ steps }) => steps).filter(touched);
  return {
    id: 'changed-runbook',
    ...secondPerson(runbook, state, by.name),
    kind: 'change',
    question: `${by.name} asks to go on with a changed runbook: ${reason}`,
    evidence: [
      { kind: 'text', title: 'What was changed', text: diff },
      {
        kind: 'text',
        title: 'What that means',
        text: `${begun.length} steps have begun or been done, as they were written before; they are not done again. Runbook and files then have the hash ${pinOf(sources)}.`,
      },
    ],
    options: [
      {
        choose: 'approve',
        effect: 'proceed',
        reason: false,
        approves: true,
        says: 'Go on with the changed files. What is asked now is asked anew.',
      },
      { choose: 'refuse', effect: 'proceed', reason: true, says: 'Go on with the runbook as it was.' },
    ],
  };
}

/**
 * Who may give the approval that a second person has to give: not who asked for it, nor who operates the run while there is
 * anybody else; of the role that approves, unless nobody of it is left then.
 */
function secondPerson(
  runbook: Runbook,
  state: RunState,
  asker: string | undefined,
): Pick<Asked, 'who' | 'notBy' | 'signed'> {
  const { approver } = runbook.document.rollback;
  const asked = asker === undefined ? [] : [{ name: asker, why: 'asked for this' }];
  const both = [...asked, { name: state.by.name, why: 'operates this run' }];
  const free = (names: string[], barred: typeof both) =>
    names.length === 0 || names.some((name) => barred.every((each) => each.name !== name));
  const notBy = Object.values(state.people).some((names) => free(names, both)) ? both : asked;
  const who = free(state.people[approver] ?? [], notBy) ? [approver] : [];
  return { ...signedIf(runbook, [approver]), who, notBy };
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

/** How often this has been asked so far, plus one. */
export function nextRound(state: RunState, id: string): number {
  return state.prompts.filter((each) => each.prompt.id === id).length + 1;
}
