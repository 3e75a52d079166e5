import { askedBy, counted, ready, refusal } from './answering/answers.ts';
import { proofRefusal } from './answering/proof.ts';
import { pinOf } from './answering/statement.ts';
import type { Answer, JournalRecord, People, Person, RunEvent } from './events.ts';
import { type MessageState, PENDING, type PromptState, type RunState, type StepState } from './state.ts';

type Opened = Extract<RunEvent, { type: 'run-opened' }>;

/** Who may answer what, from now on. */
function staffed({
  people,
  signers = {},
  together = [],
  author,
}: People): Required<Omit<People, 'author'>> & Pick<RunState, 'author'> {
  return { people, signers, together, author: author ?? null };
}

function opened(event: Opened, at: number): RunState {
  return {
    run: event.run,
    rehearsal: event.rehearsal,
    opens: event.opens,
    openedAt: at,
    by: event.by,
    target: null,
    targetDoubt: null,
    conductor: null,
    aheadMs: 0,
    ...staffed(event),
    settings: event.settings,
    proposed: null,
    sources: event.sources,
    pin: pinOf(event.sources),
    beginEarly: false,
    paused: false,
    stopping: false,
    handingOver: null,
    speed: 1,
    workers: null,
    steps: {},
    prompts: [],
    messages: {},
    watches: {},
    terminals: {},
    rollback: null,
    abort: null,
    outcome: null,
    windowBeganAt: null,
    seq: 0,
    hash: '',
    lastAt: at,
  };
}

/** Collections that the fold of many records under way has made, and nobody else has seen: these may be added to. */
let own: WeakSet<object> | null = null;

/** A collection to add to, with what is in this one: a copy, unless it is our own already. */
function ours<T extends object>(collection: T): T {
  if (own?.has(collection)) return collection;
  const copy = (Array.isArray(collection) ? [...collection] : { ...collection }) as T;
  own?.add(copy);
  return copy;
}

function withStep(state: RunState, id: string, change: (step: StepState) => Partial<StepState>): RunState {
  const before = state.steps[id] ?? PENDING;
  const steps = ours(state.steps);
  steps[id] = { ...before, ...change(before) };
  return { ...state, steps };
}

function withMessage(state: RunState, id: string, message: MessageState): RunState {
  const messages = ours(state.messages);
  messages[id] = message;
  return { ...state, messages };
}

const isOpen = (each: PromptState) => each.settled === null && each.closedAt === null;

/** A question that is withdrawn; what was answered to it comes to nothing. */
function withdrawn(asked: PromptState, at: number): PromptState {
  const refused = 'The question was withdrawn before anything was done about it.';
  const answers = asked.answers.map((each) => (each.refused === null ? { ...each, refused } : each));
  return { ...asked, answers, closedAt: at };
}

/** Questions that no longer matter are closed, and the steps that waited for them may be asked again. */
function closePrompts(state: RunState, at: number): RunState {
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

/** What was at work when a conductor died, or when the database changed, may or may not have happened. */
function inDoubt(steps: RunState['steps']): RunState['steps'] {
  return Object.fromEntries(
    Object.entries(steps).map(([id, step]) => [id, step.status === 'running' ? { ...step, status: 'in-doubt' } : step]),
  );
}

/** The run goes on with the database as it is: what that has lost is to be done again. */
function takeTarget(state: RunState): RunState {
  if (state.targetDoubt === null) return state;
  const { target, lost } = state.targetDoubt;
  const before: RunState = { ...state, target, targetDoubt: null };
  return lost.reduce((next, id) => withStep(next, id, () => ({ status: 'pending' })), before);
}

/** Sign-offs that were given, or that of one step, no longer count; with `again`, they are asked for anew. */
function superseded(state: RunState, why: string, { again, only }: { again: boolean; only?: string }): RunState {
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

/** Somebody wants to go back. That also ends a pause, for the approval has to be asked. */
function wantsBack(state: RunState, reason: string, by: Person, at: number): RunState {
  const askedBefore = state.prompts.filter((each) => each.prompt.kind === 'rollback').length;
  const rollback = { reason, wantedAt: at, by, askedBefore, instead: state.abort, begunAt: null };
  return { ...state, paused: false, rollback };
}

/** The conductor acts on a question: one answer counts, and what it asks for is so. A question without an answer stays open. */
function settled(state: RunState, id: string, round: number): RunState {
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

function answered(state: RunState, answer: Answer, at: number): RunState {
  const asked = askedBy(state, answer);
  if (!asked) return state;
  const refused = refusal(state, answer) ?? proofRefusal(state, asked, answer, at);
  const noted = { ...asked, answers: [...asked.answers, { answer, at, refused }] };
  return { ...state, prompts: state.prompts.map((each) => (each === asked ? noted : each)) };
}

function requested(state: RunState, event: Extract<RunEvent, { type: 'requested' }>, at: number): RunState {
  switch (event.request) {
    case 'begin-early':
      return { ...state, beginEarly: true };
    case 'pause':
      return { ...state, paused: true };
    case 'resume':
      return { ...state, paused: false };
    case 'stop':
      return { ...state, stopping: true };
    case 'hand-over':
      return state.conductor === null ? state : { ...state, handingOver: event.by };
    case 'take-over':
      return state;
    case 'faster':
      return { ...state, speed: Math.min(state.speed * 2, 8) };
    case 'slower':
      return { ...state, speed: Math.max(state.speed / 2, 1 / 8) };
    case 'workers':
      return { ...state, workers: event.workers ?? state.workers };
    case 'roll-back': {
      // An aborted run has left everything as it was; it is the one that knows how to take that back.
      const aborted = state.outcome?.outcome === 'aborted';
      if (!aborted && (state.rollback !== null || state.outcome !== null)) return state;
      const wanted = wantsBack(closePrompts(state, at), event.reason ?? 'asked for', event.by, at);
      return { ...wanted, outcome: null, abort: null };
    }
  }
}

function apply(state: RunState, { event, at, seq, hash }: JournalRecord): RunState {
  switch (event.type) {
    case 'run-opened':
    case 'step-noted':
    case 'warned':
    case 'conductor-noted':
      return state;
    case 'conductor-started': {
      const { host, pid, token } = event;
      const conductor = { host, pid, token };
      return { ...state, steps: inDoubt(state.steps), stopping: false, handingOver: null, conductor };
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
  let next = state;
  own = new WeakSet();
  try {
    for (const record of records) {
      next = fold(next, record);
      each?.(next, record);
    }
  } finally {
    own = null;
  }
  return next;
}
