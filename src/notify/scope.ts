import type { Outlook } from '../run/outbox.ts';
import { type RunState, stepState } from '../run/state.ts';
import type { MessageName } from '../runbook/message-scope.ts';
import type { Runbook } from '../runbook/plan.ts';
import type { Step } from '../runbook/step-schema.ts';
import type { Scope } from '../runbook/template.ts';
import { day, hours, roundUp, span, time } from './moments.ts';

const LONGEST = 300;

/** Words of a person, on one line and of a length that fits a sentence, for readers outside. */
function oneLine(text: string): string {
  const line = text.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim();
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST - 1)}…`;
}

function stepsOf(runbook: Runbook): Step[] {
  return runbook.activities.flatMap((activity) => activity.steps);
}

function stepAtWork(runbook: Runbook, state: RunState): string {
  const steps = stepsOf(runbook);
  const at = (step: Step) => stepState(state, step.id);
  const working = steps.find((step) => ['running', 'asking', 'undoing', 'failed'].includes(at(step).status));
  const last = steps.findLast((step) => at(step).endedAt !== null);
  return (working ?? last)?.title ?? 'preparations';
}

/**
 * What went wrong, in words meant for people: the reason somebody typed, else the title of the step that failed. Never
 * the text of an error, which may quote rows or hosts.
 */
function issue(runbook: Runbook, state: RunState): string {
  const typed = state.rollback?.reason ?? state.abort?.reason;
  if (typed !== undefined) return oneLine(typed);
  const answered = state.prompts.findLast(({ prompt, settled }) => prompt.kind === 'failure' && settled?.reason);
  if (answered?.settled?.reason) return oneLine(answered.settled.reason);
  const failed = stepsOf(runbook).find((step) => stepState(state, step.id).status === 'failed');
  return failed ? `a problem in this step: ${failed.title}` : 'work that takes longer than planned';
}

function currentStatus(runbook: Runbook, state: RunState): string {
  if (state.rollback) return state.rollback.begunAt === null ? 'investigating' : 'rolling back';
  const inTrouble = stepsOf(runbook).some((step) => ['failed', 'in-doubt'].includes(stepState(state, step.id).status));
  return inTrouble ? 'investigating' : 'fixing';
}

const OUTCOMES = { done: 'completed', aborted: 'cancelled', 'rolled-back': 'rolled back' } as const;

/** What the placeholders of a message stand for at this moment (`now`: ms of the plan clock). */
export function messageScope(runbook: Runbook, state: RunState, outlook: Outlook, now: number): Scope {
  const { document, opens, closes } = runbook;
  const zones = document.window.timezones;
  const values: Record<MessageName, string | number> = {
    title: document.title,
    percent: Math.floor(outlook.percent),
    step: stepAtWork(runbook, state),
    'window.date': day(opens),
    'window.hours': hours(opens, closes),
    'window.opens': time(opens, zones, opens),
    'window.closes': time(closes, zones, opens),
    'window.duration': span(closes - opens),
    issue: issue(runbook, state),
    current_status: currentStatus(runbook, state),
    expected: time(roundUp(Math.max(now, outlook.finishAt)), zones, opens),
    outcome: state.outcome ? OUTCOMES[state.outcome.outcome] : 'in progress',
    // Of the last record before the message itself is put on record: a text cannot hold the hash of what it is part of.
    'journal.records': state.seq,
    'journal.head': state.hash,
  };
  return nested({ ...values, settings: document.settings });
}

/** `{'window.date': x}` as `{window: {date: x}}`, the form in which templates are filled. */
function nested(flat: Scope): Scope {
  const scope: Scope = {};
  for (const [path, value] of Object.entries(flat)) {
    const [head = '', tail] = path.split('.');
    const inner = scope[head];
    scope[head] = tail === undefined ? value : { ...(typeof inner === 'object' ? inner : {}), [tail]: value };
  }
  return scope;
}
