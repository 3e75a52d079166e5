import { counted, ready } from '../answering/answers.ts';
import { pinOf } from '../answering/statement.ts';
import type { RunState, StepState } from '../state.ts';
import { withStep } from './growing.ts';
import { staffed } from './opening.ts';
import { closePrompts, superseded } from './questions.ts';
import { wantsBack } from './requests.ts';

/** The run goes on with the database as it is: what that has lost is to be done again. */
function takeTarget(state: RunState): RunState {
  if (state.targetDoubt === null) return state;
  const { target, lost } = state.targetDoubt;
  const before: RunState = { ...state, target, targetDoubt: null };
  return lost.reduce((next, id) => withStep(next, id, () => ({ status: 'pending' })), before);
}

/**
 * The run goes on with another version of its runbook, or with the one it has. What was asked or signed, was so of the old
 * one; within the window, the approval of the change stands for the sign-offs from before it.
 */
function changed(state: RunState, approved: boolean, at: number): RunState {
  const { proposed } = state;
  if (proposed === null || !approved) return { ...state, proposed: null };
  const { sources } = proposed;
  const next = { ...closePrompts(state, at), ...staffed(proposed), sources, pin: pinOf(sources), proposed: null };
  return superseded(next, 'the runbook was changed after it', { again: state.windowBeganAt === null });
}

/** The conductor acts on a question: one answer counts, and what it asks for is so. A question without an answer stays open. */
export function settled(state: RunState, id: string, round: number): RunState {
  const asked = state.prompts.find(({ prompt }) => prompt.id === id && prompt.round === round);
  if (!asked || !ready(asked)) return state;
  const { prompt } = asked;
  const { answers, settled: answer } = counted(asked);
  const at = answers.find((each) => each.answer === answer)?.at;
  if (answer === null || at === undefined) return state;
  const option = prompt.options.find((each) => each.choose === answer.choose);
  const reason = answer.reason ?? null;
  let next: RunState = {
    ...state,
    prompts: state.prompts.map((each) => (each === asked ? { ...each, answers, settled: answer, closedAt: at } : each)),
  };
  const step = prompt.step;
  const change = (fields: Partial<StepState>) => {
    if (step === undefined) return;
    next = withStep(next, step, (before) => ({
      ...fields,
      waitedMs: before.waitedMs + (at - asked.openedAt),
      endedAt: at,
      reason: reason ?? before.reason,
    }));
  };
  const undoing = step !== undefined && next.steps[step]?.status === 'undo-failed';
  switch (option?.effect) {
    case 'proceed':
      if (prompt.kind === 'target') return takeTarget(next);
      if (prompt.kind === 'rollback') next = { ...next, rollback: null, abort: next.rollback?.instead ?? null };
      else if (prompt.kind === 'change') next = changed(next, answer.choose === 'approve', at);
      else if (prompt.kind === 'in-doubt') change({ status: 'in-doubt' });
      else if (prompt.kind !== 'tripwire') change({ status: 'done' });
      return next;
    case 'accept':
      change({ status: undoing ? 'undone' : 'accepted' });
      return next;
    case 'retry':
      change({ status: undoing ? 'undoing' : 'pending' });
      return next;
    case 'roll-back':
      if (prompt.kind === 'rollback') return next;
      change(prompt.kind === 'failure' || prompt.kind === 'tripwire' ? {} : { status: 'pending' });
      return wantsBack(next, reason ?? prompt.question, answer.by, at);
    case 'abort':
      change(prompt.kind === 'failure' || prompt.kind === 'tripwire' ? {} : { status: 'pending' });
      return { ...next, abort: { reason: reason ?? prompt.question, by: answer.by } };
    default:
      return next;
  }
}
