import type { Runbook } from '../../runbook/plan.ts';
import type { Option } from '../../runbook/step-parts.ts';
import type { Prompt } from '../events.ts';
import type { RunState } from '../state.ts';

/** A question, before it is counted how often it has been asked. */
export type Asked = Omit<Prompt, 'round'>;

export const ROLL_BACK: Option = {
  choose: 'roll-back',
  effect: 'roll-back',
  reason: true,
  says: 'Undo everything done so far, in reverse, once a second person has approved it.',
};
export const ABORT: Option = {
  choose: 'abort',
  effect: 'abort',
  reason: true,
  says: 'End the run here. What has been done stays as it is; nothing is undone.',
};
export const RETRY: Option = {
  choose: 'retry',
  effect: 'retry',
  reason: false,
  says: 'Do the step again from its beginning.',
};

/** Going back, where there is anything to undo, and stopping. */
export function wayBack(traces: boolean): Option[] {
  const abort = { ...ABORT, says: `${ABORT.says} It can be taken back later; how, is said at the end.` };
  return traces ? [ROLL_BACK, abort] : [ABORT];
}

/** Marks a question whose answer is to be signed: always (undefined), or as the runbook or one of the roles asks for it. */
export function signedIf({ document }: Runbook, roles: readonly string[] | undefined): { signed?: true } {
  const required = [document.signatures, ...(roles ?? []).map((role) => document.roles[role]?.signatures)];
  return roles === undefined || required.includes('required') ? { signed: true } : {};
}

/** How often this has been asked so far, plus one. */
export function nextRound(state: RunState, id: string): number {
  return state.prompts.filter((each) => each.prompt.id === id).length + 1;
}

/** Whether to answer this is to give one's word for something: a sign-off, an approval, whatever is to be signed. */
export function givesWord({ kind, signed }: Prompt): boolean {
  return signed === true || kind === 'signoff' || kind === 'rollback' || kind === 'change';
}
