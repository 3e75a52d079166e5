import type { Person, RunEvent } from '../events.ts';
import type { RunState } from '../state.ts';
import { closePrompts } from './questions.ts';

/** Somebody wants to go back. That also ends a pause, for the approval has to be asked. */
export function wantsBack(state: RunState, reason: string, by: Person, at: number): RunState {
  const askedBefore = state.prompts.filter((each) => each.prompt.kind === 'rollback').length;
  const rollback = { reason, wantedAt: at, by, askedBefore, instead: state.abort, begunAt: null };
  return { ...state, paused: false, rollback };
}

/** What an operator has asked of the run. */
export function requested(state: RunState, event: Extract<RunEvent, { type: 'requested' }>, at: number): RunState {
  switch (event.request) {
    case 'begin-early':
      return { ...state, beginEarly: true };
    case 'pause':
      return { ...state, paused: true };
    case 'resume':
      return { ...state, paused: false };
    case 'stop':
    case 'stop-unanswered':
      return { ...state, stopping: event.request };
    // One that was not heard of may come back just then, and leave.
    case 'take-over':
    case 'hand-over':
      return state.conductor === null ? state : { ...state, handingOver: event.by };
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
