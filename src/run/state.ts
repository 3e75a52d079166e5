import type { Sources } from '../runbook/schema.ts';
import type {
  Answer,
  Facts,
  Failure,
  Outcome,
  OutgoingMessage,
  People,
  Person,
  Program,
  Prompt,
  RequestKind,
  Result,
  RunEvent,
  Target,
} from './events.ts';
import type { TargetDoubt } from './target.ts';

export type StepStatus =
  | 'pending'
  | 'running'
  | 'asking'
  | 'in-doubt'
  | 'failed'
  | 'done'
  | 'accepted'
  | 'skipped'
  | 'undoing'
  | 'undo-failed'
  | 'undone';

/** One step of a run. Moments are of the plan clock; durations in ms. */
export interface StepState {
  status: StepStatus;
  attempt: number;
  beganAt: number | null;
  endedAt: number | null;
  /** Time the step itself took, over all attempts. */
  workMs: number;
  /** Time it stood waiting for a person. */
  waitedMs: number;
  /** When its undo was begun last. */
  undoBeganAt: number | null;
  undoMs: number;
  result: Result | null;
  failure: Failure | null;
  /** Why it was accepted although it failed, or skipped. */
  reason: string | null;
  samples: { at: number; values: Record<string, number> }[];
  /** The program that its last attempt has started. */
  program: Program | null;
}

export interface GivenAnswer {
  answer: Answer;
  at: number;
  /** Why it does not count; null while it does, or may. */
  refused: string | null;
  /** It would have counted, had another not been given to the same question. */
  overruled?: true;
}

export interface PromptState {
  prompt: Prompt;
  openedAt: number;
  /** Where the journal has it. */
  record: { seq: number; hash: string };
  closedAt: number | null;
  /** Every answer given, in order. Until the question is settled, more than one may come to count. */
  answers: GivenAnswer[];
  /** Why what was settled no longer counts; null while it does. */
  superseded: string | null;
  /** The answer that counts, from when the conductor has acted on it. */
  settled: Answer | null;
}

export interface MessageState {
  message: OutgoingMessage;
  owedAt: number;
  sentAt: number | null;
  recipients: number;
  detail: string;
  attempts: number;
  failure: Failure | null;
  /** When it is tried again; null: never, or done. */
  retryAt: number | null;
}

export interface WatchState {
  asked: number;
  failed: number;
  downMs: number;
  p50Ms: number;
  p99Ms: number;
}

/** A rollback that somebody wants, from then on; moments of the plan clock. */
export interface Rollback {
  reason: string;
  wantedAt: number;
  by: Person | null;
  /** How often approval for a rollback had been asked by then: an answer to one of those is not meant for this. */
  askedBefore: number;
  /** The abort that stands again when approval is refused. */
  instead: Abort | null;
  /** When it was approved and begun. */
  begunAt: number | null;
}

/** Somebody chose to end the run where it stood. */
export interface Abort {
  reason: string;
  by: Person;
}

/** What is so, after all that has happened. Made by `fold` and by nothing else. */
export interface RunState extends Required<Omit<People, 'author'>> {
  run: string;
  rehearsal: boolean;
  opens: number;
  openedAt: number;
  by: Person;
  /** Who has operated it: opened it, or carried on with it. */
  operators: Person[];
  target: Target | null;
  /** The database that answers may not be as the run left it: a person decides before anything is done there. */
  targetDoubt: TargetDoubt | null;
  conductor: { host: string; pid: number; token: number } | null;
  /** The token of the last one on record, whether it has left or not; 0 before the first. */
  lastToken: number;
  /** How far the plan clock is ahead of the real one, in ms; 0 but in a rehearsal. */
  aheadMs: number;
  /** The runbook and its files as the run works from them, and one hash for all of them. */
  sources: Sources;
  pin: string;
  /** Given at the opening, over those of the document. */
  settings: Record<string, string>;
  /** Who made the last change to the runbook; null: nobody has to know. */
  author: string | null;
  /** Another version of the runbook that waits for a second person's approval. */
  proposed: Extract<RunEvent, { type: 'change-proposed' }> | null;
  /** Somebody decided to begin before the window opens. */
  beginEarly: boolean;
  paused: boolean;
  /** What asks the conductor to leave; the run can be carried on later. */
  stopping: Extract<RequestKind, 'stop' | 'stop-unanswered'> | null;
  /** Who has asked the conductor to leave the run to another. */
  handingOver: Person | null;
  /** Factor on the pace of the steps; 1 as written. */
  speed: number;
  /** How many workers a backfill is to have; null: as written. */
  workers: number | null;
  steps: Record<string, StepState>;
  prompts: PromptState[];
  messages: Record<string, MessageState>;
  watches: Record<string, WatchState>;
  terminals: Record<string, Person>;
  /** Set from the moment somebody wants to go back. */
  rollback: Rollback | null;
  /** Somebody chose to abort; what has been done stays as it is. */
  abort: Abort | null;
  outcome: { outcome: Outcome; why: string; at: number } | null;
  /** When the first activity of the window began. */
  windowBeganAt: number | null;
  seq: number;
  hash: string;
  lastAt: number;
}

/** Statuses of a step about which nothing is left to do, while nobody goes back. */
export const FINISHED: ReadonlySet<StepStatus> = new Set<StepStatus>(['done', 'accepted', 'skipped']);

export const PENDING: StepState = {
  status: 'pending',
  attempt: 0,
  beganAt: null,
  endedAt: null,
  workMs: 0,
  waitedMs: 0,
  undoBeganAt: null,
  undoMs: 0,
  result: null,
  failure: null,
  reason: null,
  samples: [],
  program: null,
};

/** The state of a step; the pending one when nothing has happened to it yet. */
export function stepState(state: RunState, id: string): StepState {
  return state.steps[id] ?? PENDING;
}

/** What a decision came to, or undefined when it was not asked or not answered. */
export function choiceOf(state: RunState, step: string): string | undefined {
  return state.prompts.findLast((each) => each.prompt.step === step && each.settled !== null)?.settled?.choose;
}

/** What an earlier step left behind; empty when it did not finish. */
export function factsOf(state: RunState, step: string): Facts {
  return state.steps[step]?.result?.facts ?? {};
}

/** Messages that have not gone out, in the order in which they fell due. */
export const unsent = ({ messages }: RunState): MessageState[] =>
  Object.values(messages).filter(({ sentAt }) => sentAt === null);
