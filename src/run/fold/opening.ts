import { pinOf } from '../answering/statement.ts';
import type { People, RunEvent } from '../events.ts';
import type { RunState } from '../state.ts';

export type Opened = Extract<RunEvent, { type: 'run-opened' }>;

/** Who may answer what, from now on. */
export function staffed({
  people,
  signers = {},
  together = [],
  author,
}: People): Required<Omit<People, 'author'>> & Pick<RunState, 'author'> {
  return { people, signers, together, author: author ?? null };
}

/** The state of a run that was just opened. */
export function opened(event: Opened, at: number): RunState {
  return {
    run: event.run,
    rehearsal: event.rehearsal,
    opens: event.opens,
    openedAt: at,
    by: event.by,
    operators: [event.by],
    target: null,
    targetDoubt: null,
    conductor: null,
    lastToken: 0,
    aheadMs: 0,
    ...staffed(event),
    settings: event.settings,
    proposed: null,
    sources: event.sources,
    pin: pinOf(event.sources),
    beginEarly: false,
    paused: false,
    stopping: null,
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
