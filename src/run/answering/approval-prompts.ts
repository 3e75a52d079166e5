import type { Runbook } from '../../runbook/plan.ts';
import type { Step } from '../../runbook/step-schema.ts';
import { type RunState, stepState } from '../state.ts';
import { undosDue } from '../undo.ts';
import { type Asked, signedIf } from './prompts.ts';
import { pinOf } from './statement.ts';

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
