import { askedBy, refusal } from '../answering/answers.ts';
import { proofRefusal } from '../answering/proof.ts';
import type { Answer } from '../events.ts';
import type { PromptState, RunState } from '../state.ts';
import { withStep } from './growing.ts';

/** Whether a question waits for an answer, or for the conductor to act on one. */
export const isOpen = (each: PromptState) => each.settled === null && each.closedAt === null;

/** A question that is withdrawn; what was answered to it comes to nothing. */
export function withdrawn(asked: PromptState, at: number): PromptState {
  const refused = 'The question was withdrawn before anything was done about it.';
  const answers = asked.answers.map((each) => (each.refused === null ? { ...each, refused } : each));
  return { ...asked, answers, closedAt: at };
}

/** Questions that no longer matter are closed, and the steps that waited for them may be asked again. */
export function closePrompts(state: RunState, at: number): RunState {
  let next = state;
  for (const { prompt } of state.prompts.filter(isOpen)) {
    if (prompt.step !== undefined && next.steps[prompt.step]?.status === 'asking') {
      next = withStep(next, prompt.step, () => ({ status: 'pending' }));
    }
  }
  return {
    ...next,
    prompts: next.prompts.map((each) => (isOpen(each) ? withdrawn(each, at) : each)),
  };
}

/** Sign-offs that were given, or that of one step, no longer count; with `again`, they are asked for anew. */
export function superseded(state: RunState, why: string, { again, only }: { again: boolean; only?: string }): RunState {
  let next = state;
  const prompts = state.prompts.map((each) => {
    const { kind, step } = each.prompt;
    if (kind !== 'signoff' || step === undefined || each.settled === null || each.superseded !== null) return each;
    if (only !== undefined && only !== step) return each;
    if (again) next = withStep(next, step, () => ({ status: 'pending' }));
    return { ...each, superseded: why };
  });
  return { ...next, prompts };
}

/** Somebody has answered; whether that counts is seen when the conductor acts. */
export function answered(state: RunState, answer: Answer, at: number): RunState {
  const asked = askedBy(state, answer);
  if (!asked) return state;
  const refused = refusal(state, answer) ?? proofRefusal(state, asked, answer, at);
  const noted = { ...asked, answers: [...asked.answers, { answer, at, refused }] };
  return { ...state, prompts: state.prompts.map((each) => (each === asked ? noted : each)) };
}
