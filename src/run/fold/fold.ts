import type { JournalRecord, Person } from '../events.ts';
import type { PromptState, RunState } from '../state.ts';
import { growing, ours, withMessage, withStep } from './growing.ts';
import { type Opened, opened } from './opening.ts';
import { answered, closePrompts, isOpen, superseded, withdrawn } from './questions.ts';
import { requested } from './requests.ts';
import { settled } from './settling.ts';

/** What was at work when a conductor died, or when the database changed, may or may not have happened. */
function inDoubt(steps: RunState['steps']): RunState['steps'] {
  return Object.fromEntries(
    Object.entries(steps).map(([id, step]) => [id, step.status === 'running' ? { ...step, status: 'in-doubt' } : step]),
  );
}

/** Somebody operates the run from now on. Who is new may not be the second person: that one's approval is asked for anew. */
function operatedBy(state: RunState, by: Person, at: number): RunState {
  if (state.operators.some(({ name }) => name === by.name)) return state;
  const approves = ({ prompt: { kind } }: PromptState) => kind === 'rollback' || kind === 'change';
  const prompts = state.prompts.map((each) => (isOpen(each) && approves(each) ? withdrawn(each, at) : each));
  return { ...state, operators: [...state.operators, by], prompts };
}

function apply(state: RunState, { event, at, seq, hash }: JournalRecord): RunState {
  switch (event.type) {
    case 'run-opened':
    case 'step-noted':
    case 'warned':
    case 'conductor-noted':
      return state;
    case 'conductor-started': {
      const { host, pid, token, by } = event;
      const conductor = { host, pid, token };
      const next = operatedBy(state, by, at);
      return { ...next, steps: inDoubt(state.steps), stopping: null, handingOver: null, conductor, lastToken: token };
    }
    case 'conductor-left':
      return { ...state, conductor: null };
    case 'target-bound':
      return { ...state, steps: inDoubt(state.steps), target: event.target, targetDoubt: null };
    case 'target-doubted': {
      const { target, why, lost } = event;
      return { ...state, steps: inDoubt(state.steps), targetDoubt: { target, why, lost } };
    }
    case 'clock-jumped':
      return { ...state, aheadMs: state.aheadMs + event.byMs };
    case 'window-began':
      return { ...state, windowBeganAt: at };
    case 'step-begun':
      return withStep(state, event.step, (step) => ({
        status: 'running',
        attempt: event.attempt,
        beganAt: step.beganAt ?? at,
        endedAt: null,
        failure: null,
        program: null,
      }));
    case 'program-started':
      return withStep(state, event.step, () => ({ program: event.program }));
    case 'step-sampled':
      return withStep(state, event.step, (step) => {
        const samples = ours(step.samples);
        samples.push({ at, values: event.values });
        return { samples };
      });
    case 'step-asked':
      return withStep(state, event.step, () => ({ status: 'asking', result: event.result }));
    case 'step-finished':
      return withStep(state, event.step, (step) => ({
        status: 'done',
        result: event.result,
        endedAt: at,
        workMs: step.workMs + event.workMs,
      }));
    case 'step-skipped':
      return withStep(state, event.step, () => ({ status: 'skipped', endedAt: at, reason: event.why }));
    case 'step-failed':
      return withStep(state, event.step, (step) => ({
        status: 'failed',
        failure: event.failure,
        endedAt: at,
        samples: [],
        workMs: step.workMs + event.workMs,
      }));
    case 'step-not-done':
      return withStep(state, event.step, () => ({ status: 'pending' }));
    case 'undo-begun':
      return withStep(state, event.step, () => ({ status: 'undoing', undoBeganAt: at }));
    case 'undo-finished':
      return withStep(state, event.step, (step) => ({ status: 'undone', undoMs: step.undoMs + event.workMs }));
    case 'undo-failed':
      return withStep(state, event.step, (step) => ({
        status: 'undo-failed',
        failure: event.failure,
        undoMs: step.undoMs + event.workMs,
      }));
    case 'prompt-opened': {
      const prompt: PromptState = {
        prompt: event.prompt,
        openedAt: at,
        record: { seq, hash },
        closedAt: null,
        answers: [],
        superseded: null,
        settled: null,
      };
      const prompts = ours(state.prompts);
      prompts.push(prompt);
      return { ...state, prompts };
    }
    case 'prompt-answered':
      return answered(state, event.answer, at);
    case 'prompt-settled':
      return settled(state, event.prompt, event.round);
    case 'prompt-closed':
      return {
        ...state,
        prompts: state.prompts.map((each) =>
          each.prompt.id === event.prompt && each.prompt.round === event.round && isOpen(each)
            ? withdrawn(each, at)
            : each,
        ),
      };
    case 'change-proposed':
      return { ...state, proposed: event };
    case 'signoff-lapsed':
      return superseded(state, event.why, { again: true, only: event.step });
    case 'requested':
      return requested(state, event, at);
    case 'rollback-begun': {
      const closed = closePrompts(state, at);
      const past = superseded(closed, 'the run was rolled back after it', { again: false });
      return past.rollback ? { ...past, rollback: { ...past.rollback, begunAt: at } } : past;
    }
    case 'message-owed': {
      const owed = {
        message: event.message,
        owedAt: at,
        sentAt: null,
        recipients: 0,
        detail: '',
        attempts: 0,
        failure: null,
        retryAt: null,
      };
      return withMessage(state, event.message.id, owed);
    }
    case 'message-sent':
    case 'message-failed': {
      const before = state.messages[event.id];
      if (!before) return state;
      const outcome =
        event.type === 'message-sent'
          ? { sentAt: at, recipients: event.recipients, detail: event.detail, failure: null, retryAt: null }
          : { failure: event.failure, retryAt: event.retryAt };
      const after = { ...before, ...outcome, attempts: before.attempts + 1 };
      return withMessage(state, event.id, after);
    }
    case 'watch-sampled': {
      const { asked, failed, downMs, p50Ms, p99Ms } = event;
      return { ...state, watches: { ...state.watches, [event.watch]: { asked, failed, downMs, p50Ms, p99Ms } } };
    }
    case 'terminal-attached':
      return { ...state, terminals: { ...state.terminals, [event.terminal]: event.by } };
    case 'terminal-left': {
      const { [event.terminal]: _left, ...terminals } = state.terminals;
      return { ...state, terminals };
    }
    case 'run-finished':
      return { ...closePrompts(state, at), outcome: { outcome: event.outcome, why: event.why, at } };
  }
}

/**
 * The state after one more record. Pure; the whole state of a run is this, over its journal.
 * @param state null before the first record, which opens the run
 */
export function fold(state: RunState | null, record: JournalRecord): RunState {
  const { event, at, seq, hash } = record;
  if (state === null && event.type !== 'run-opened') throw new TypeError('A journal begins with run-opened.');
  const before = state ?? opened(event as Opened, at);
  return { ...apply(before, record), seq, hash, lastAt: at };
}

/**
 * The state after many more records: what `fold` makes of one after the other, without a copy of all that has been for each.
 * @param each is shown every state on the way; it is changed by the next record, so nothing of it may be kept
 */
export function foldAll(
  state: RunState | null,
  records: readonly JournalRecord[],
  each?: (state: RunState, record: JournalRecord) => void,
): RunState | null {
  return growing(() => {
    let next = state;
    for (const record of records) {
      next = fold(next, record);
      each?.(next, record);
    }
    return next;
  });
}
