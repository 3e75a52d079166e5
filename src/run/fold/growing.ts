import { type MessageState, PENDING, type RunState, type StepState } from '../state.ts';

/** Collections that the fold of many records under way has made, and nobody else has seen: these may be added to. */
let own: WeakSet<object> | null = null;

/** A collection to add to, with what is in this one: a copy, unless it is our own already. */
export function ours<T extends object>(collection: T): T {
  if (own?.has(collection)) return collection;
  const copy = (Array.isArray(collection) ? [...collection] : { ...collection }) as T;
  own?.add(copy);
  return copy;
}

export function withStep(state: RunState, id: string, change: (step: StepState) => Partial<StepState>): RunState {
  const before = state.steps[id] ?? PENDING;
  const steps = ours(state.steps);
  steps[id] = { ...before, ...change(before) };
  return { ...state, steps };
}

export function withMessage(state: RunState, id: string, message: MessageState): RunState {
  const messages = ours(state.messages);
  messages[id] = message;
  return { ...state, messages };
}

/** Does what folds many records, which then may add to the collections that it has made itself. */
export function growing<T>(work: () => T): T {
  own = new WeakSet();
  try {
    return work();
  } finally {
    own = null;
  }
}
