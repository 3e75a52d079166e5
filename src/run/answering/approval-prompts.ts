import type { Runbook } from '../../runbook/plan.ts';
import type { Step } from '../../runbook/step-schema.ts';
import type { Person } from '../events.ts';
import { type RunState, stepState } from '../state.ts';
import { undoable, undosDue } from '../undo.ts';
import { sameName } from './people.ts';
import { type Asked, signedIf } from './prompts.ts';
import { pinOf } from './statement.ts';

/** Commands that were begun, newest first: what they have done outside, no undo takes back, for undos are SQL. */
const commandsBegun = (runbook: Runbook, state: RunState) =>
  runbook.activities
    .filter(({ phase }) => phase !== 'rollback')
    .flatMap(({ steps }) => steps)
    .filter((step) => step.kind === 'command' && !undoable(step) && stepState(state, step.id).attempt > 0)
    .reverse();

/** The approval that stands in front of every rollback. */
export function rollbackPrompt(runbook: Runbook, state: RunState): Asked {
  const undos = undosDue(runbook, state);
  const staying = commandsBegun(runbook, state);
  const wanted = state.rollback;
  return {
    id: 'rollback',
    ...signedIf(runbook, [runbook.document.rollback.approver]),
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
      ...(staying.length === 0
        ? []
        : [
            {
              kind: 'rows' as const,
              title: 'What stays as it is, unless the steps of the rollback take it back',
              columns: ['step', 'kind'],
              rows: staying.map((step) => [step.title, step.kind]),
              more: 0,
            },
          ]),
    ],
    options: [
      {
        choose: 'approve',
        effect: 'roll-back',
        reason: false,
        approves: true,
        says:
          undos.length === 0
            ? 'End the run as rolled back, after the steps that the runbook has for that; nothing is undone.'
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
    ...signedIf(runbook, [runbook.document.rollback.approver]),
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

/** Whether one of these names, or anyone where a role names nobody, is none of those who are barred. */
const free = (names: string[], barred: readonly { name: string }[]) =>
  names.length === 0 || names.some((name) => barred.every((each) => !sameName(each.name, name)));

/**
 * Who may give the approval that a second person has to give: neither who asked for it nor who operates the run, or has;
 * where the runbook names nobody else, anyone but who asked. Of the role that approves, unless that leaves nobody of it.
 * @param asker undefined: nobody in particular asked
 */
export function secondPerson(
  { document }: Runbook,
  { people, operators }: RunState,
  asker: string | undefined,
): { who: string[]; notBy: NonNullable<Asked['notBy']> } {
  const asked = asker === undefined ? [] : [{ name: asker, why: 'asked for this' }];
  const all = [...asked, ...operators.map(({ name }) => ({ name, why: 'has operated this run' }))];
  const notBy = Object.values(people).some((names) => free(names, all)) ? all : asked;
  const { approver } = document.rollback;
  return { who: free(people[approver] ?? [], notBy) ? [approver] : [], notBy };
}

/** Whether nobody could approve what this person asks for: the runbook names nobody else. */
export function nobodyElse({ name }: Person, { people }: RunState): boolean {
  return Object.values(people).every((names) => !free(names, [{ name }]));
}
