import type { PlannedActivity, Runbook } from '../runbook/plan.ts';
import type { Step } from '../runbook/step-schema.ts';
import { ready } from './answering/answers.ts';
import { changePrompt, rollbackPrompt } from './answering/approval-prompts.ts';
import { failurePrompt, undoFailurePrompt } from './answering/failure-prompts.ts';
import { lapsed } from './answering/lapse.ts';
import { nextRound } from './answering/prompts.ts';
import { pinOf } from './answering/statement.ts';
import { stepPrompt } from './answering/step-prompts.ts';
import { targetPrompt } from './answering/target-prompt.ts';
import type { Outcome, Prompt } from './events.ts';
import { choiceOf, FINISHED, type RunState, stepState } from './state.ts';
import { nothingToCompare, undosDue } from './undo.ts';

/** What to do next. There is always exactly one thing. */
export type Action =
  | { do: 'perform'; step: Step; attempt: number }
  | { do: 'verify'; step: Step; attempt: number }
  | { do: 'undo'; step: Step }
  | { do: 'skip'; step: Step; why: string }
  | { do: 'ask'; prompt: Prompt }
  | { do: 'settle' }
  | { do: 'lapse'; step: Step; why: string }
  | { do: 'begin-window' }
  | { do: 'begin-rollback'; reason: string }
  | { do: 'wait-for-time'; until: number; why: string }
  | { do: 'wait-for-person'; why: string }
  | { do: 'finish'; outcome: Outcome; why: string }
  | { do: 'leave'; why: string };

/** Why a conductor leaves that was asked to stop. */
const STOPPED = {
  stop: 'somebody asked it to stop',
  'stop-unanswered': 'a question has no prepared answer, or none that settles it, and it was not to wait for a person',
} as const;

/** Whether the choice was made that a step is for. */
function wanted(state: RunState, { decision, chose }: NonNullable<Step['when']>): boolean {
  const chosen = choiceOf(state, decision);
  return chosen !== undefined && chose.includes(chosen);
}

/**
 * Whether nothing is left to do for a step. One that was passed over is due after all when a later step has failed and the
 * choice then was what it is for: it is done before that one is tried again.
 */
function finished(state: RunState, step: Step): boolean {
  const { status } = stepState(state, step.id);
  if (status === 'skipped' && step.when && wanted(state, step.when)) return false;
  return FINISHED.has(status);
}

function ask(state: RunState, prompt: Omit<Prompt, 'round'>): Action {
  return { do: 'ask', prompt: { ...prompt, round: nextRound(state, prompt.id) } };
}

/** What a step that is next in line needs, or undefined when it is finished. */
function advance(runbook: Runbook, state: RunState, activity: PlannedActivity, step: Step): Action | undefined {
  const { status, attempt, result } = stepState(state, step.id);
  if (finished(state, step)) return undefined;
  switch (status) {
    case 'in-doubt':
      return { do: 'verify', step, attempt };
    case 'failed':
      return ask(state, failurePrompt(runbook, state, step, activity.phase));
    case 'asking':
      return ask(state, stepPrompt(runbook, state, step, result ?? { summary: '' }));
  }
  if (step.when && !wanted(state, step.when)) {
    const chosen = choiceOf(state, step.when.decision);
    return { do: 'skip', step, why: `${step.when.decision} came to ${chosen ?? 'nothing to decide'}` };
  }
  return { do: 'perform', step, attempt: attempt + 1 };
}

function rollBack(runbook: Runbook, state: RunState, rollback: NonNullable<RunState['rollback']>): Action {
  if (rollback.begunAt === null) {
    const asked = state.prompts.findLast((each) => each.prompt.kind === 'rollback');
    const approved = asked?.settled?.choose === 'approve' && asked.prompt.round > rollback.askedBefore;
    return approved ? { do: 'begin-rollback', reason: rollback.reason } : ask(state, rollbackPrompt(runbook, state));
  }
  const [step] = undosDue(runbook, state);
  if (step) {
    const failed = stepState(state, step.id).status === 'undo-failed';
    return failed ? ask(state, undoFailurePrompt(runbook, state, step)) : { do: 'undo', step };
  }
  const activity = runbook.activities.find((each) => each.phase === 'rollback');
  for (const check of activity?.steps ?? []) {
    const pending = stepState(state, check.id).status === 'pending';
    if (pending && nothingToCompare(runbook, state, check)) {
      return { do: 'skip', step: check, why: 'nothing had been done that it could compare' };
    }
    const action = activity && advance(runbook, state, activity, check);
    if (action) return action;
  }
  return { do: 'finish', outcome: 'rolled-back', why: rollback.reason };
}

/**
 * The moment before which nothing of this activity begins: its planned one outside the window, the opening within it. A
 * window that has begun stays so, also when the clock is set back.
 */
export function gate(runbook: Runbook, state: RunState, activity: PlannedActivity): number {
  if (activity.phase !== 'window') return activity.startsAt;
  return state.beginEarly || state.windowBeganAt !== null ? 0 : runbook.opens;
}

/**
 * What to do next, given all that has happened. Pure: the same journal and moment give the same action. It is asked only
 * when nothing is at work, so a step that is still `running` was left behind by a conductor that died.
 * @param now plan clock, ms since the epoch
 */
export function decide(runbook: Runbook, state: RunState, now: number): Action {
  if (state.outcome) return { do: 'leave', why: 'the run has ended' };
  if (state.handingOver) return { do: 'leave', why: `handed over to ${state.handingOver.name}` };
  // A conductor acts by one version of the runbook; by another one, another conductor does.
  if (pinOf(runbook.sources) !== state.pin)
    return { do: 'leave', why: 'the runbook was changed; `runbook run` goes on with it' };
  if (state.stopping) return { do: 'leave', why: STOPPED[state.stopping] };
  if (state.abort) return { do: 'finish', outcome: 'aborted', why: state.abort.reason };
  if (state.prompts.some(ready)) return { do: 'settle' };
  const open = state.prompts.filter((each) => each.settled === null && each.closedAt === null);
  if (state.proposed && !open.some(({ prompt }) => prompt.kind === 'change')) {
    return ask(state, changePrompt(runbook, state, state.proposed));
  }
  if (open.length > 0) {
    return { do: 'wait-for-person', why: 'a question is open' };
  }
  if (state.paused) return { do: 'wait-for-person', why: 'the run is paused' };
  if (state.targetDoubt) return ask(state, targetPrompt(runbook, state, state.targetDoubt));
  if (state.rollback) return rollBack(runbook, state, state.rollback);
  for (const activity of runbook.activities) {
    if (activity.phase === 'rollback') continue;
    const next = activity.steps.find((step) => !finished(state, step));
    const begins = activity.phase === 'window' && state.windowBeganAt === null;
    if (!next && !begins) continue;
    const until = gate(runbook, state, activity);
    if (now < until) return { do: 'wait-for-time', until, why: activity.title };
    const past = lapsed(runbook, state, begins || !next ? 'window' : next, now);
    if (past) return { do: 'lapse', ...past };
    if (begins) return { do: 'begin-window' };
    const action = next && advance(runbook, state, activity, next);
    if (action) return action;
  }
  return { do: 'finish', outcome: 'done', why: 'every step is finished' };
}
