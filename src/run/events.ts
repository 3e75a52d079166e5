import type { Sources } from '../runbook/schema.ts';
import type { Effect } from '../runbook/step-parts.ts';

/** Something a person saw when deciding, or that proves a result. All text in it is from outside: shown, never obeyed. */
export type Evidence =
  | { kind: 'rows'; title: string; columns: string[]; rows: string[][]; more: number }
  | { kind: 'text'; title: string; text: string };

/** Values a step leaves behind for comparisons, criteria and the report. Durations in ms, under a key that ends in `Ms`. */
export type Facts = Record<string, string | number | boolean>;

/** What a step came to. `exceptions` names what was left out by decision: the step passed, but not wholly. */
export interface Result {
  summary: string;
  facts?: Facts;
  evidence?: Evidence[];
  exceptions?: string[];
  /** Messages of the runbook that are to be sent because of this. */
  owes?: string[];
}

/** One way to answer a prompt. */
export interface PromptOption {
  choose: string;
  says: string;
  effect: Effect;
  reason: boolean;
  /** Gives a word that not everybody may give: see `notBy`. */
  approves?: true;
}

export type PromptKind =
  | 'decision'
  | 'signoff'
  | 'manual'
  | 'failure'
  | 'in-doubt'
  | 'target'
  | 'rollback'
  | 'change'
  | 'tripwire';

/** A question that only a person answers. `round` counts how often this id has been asked, from 1. */
export interface Prompt {
  id: string;
  round: number;
  kind: PromptKind;
  step?: string;
  question: string;
  evidence: Evidence[];
  options: PromptOption[];
  /** Roles that may answer; empty: anyone who has a role. */
  who: string[];
  /** Who may not approve, and why: `notBy` says “Ada asked for this”. */
  notBy?: { name: string; why: string }[];
  /** The items to tick of a manual step. */
  items?: string[];
  /** What the run itself would answer, for a sign-off with a proposal. */
  proposal?: string;
  /** An answer counts only with an SSH signature; in a rehearsal, it is only said so. */
  signed?: true;
}

/** How strongly it is proved who answered: by an SSH signature, by a name typed at a keyboard, or not at all. */
export type Proof = 'signed' | 'named' | 'rehearsal';

/** The role of somebody who only watches; no role of a runbook is called so. */
export const WATCHER = '';

export interface Person {
  name: string;
  role: string;
}

export interface Answer {
  prompt: string;
  round: number;
  choose: string;
  reason?: string;
  by: Person;
  proof: Proof;
  /** Where it was typed: host and process of the terminal. */
  from: string;
  /** SHA-256 of the statement the answer makes: see `statementText`. */
  binds?: string;
  /** Over that statement, armored as `ssh-keygen -Y sign` writes it; there when `proof` is `signed`. */
  signature?: string;
}

/** What an operator may ask of a run at any time. */
export type RequestKind =
  | 'begin-early'
  | 'pause'
  | 'resume'
  | 'stop'
  /** The same, by a command that waits for nobody: a question has no prepared answer. */
  | 'stop-unanswered'
  | 'roll-back'
  | 'faster'
  | 'slower'
  | 'workers'
  /** To the conductor: leave as soon as the step allows, for somebody conducts from another machine. */
  | 'hand-over'
  /** On record only: the lease of a conductor that is not heard of is taken. */
  | 'take-over';

/** A failure as it is shown and kept: secrets already taken out. `advice` says what to do next. */
export interface Failure {
  name: string;
  message: string;
  advice?: string;
  code?: string;
  evidence?: Evidence[];
  /** Nobody may go on as if it had not happened: accepting it is not offered. */
  hard?: true;
}

/** A process, for good: where it runs, and when it was started as the operating system there tells it. */
export interface Program {
  host: string;
  pid: number;
  started: string;
}

/** The database the run is bound to. */
export interface Target {
  system: string;
  database: string;
  role: string;
  version: string;
  timeline: number;
  where: string;
  /** Made at random when the run was bound to it, and kept there: no other database has it, and no earlier backup. */
  marker: string;
}

export type Outcome = 'done' | 'aborted' | 'rolled-back';

export interface OutgoingMessage {
  id: string;
  message: string;
  channel: 'mail' | 'status';
  /** Status posts: which state the page shows. */
  state?: string;
  /** Mails: name of the audience, whose addresses are looked up when it is sent. */
  audience?: string;
  subject?: string;
  body: string;
  dueAt: number;
}

/** Who may answer what, so that an answer can be judged from the journal alone. */
export interface People {
  /** Names by role. */
  people: Record<string, string[]>;
  /** Public keys by the name of whose they are: see `signerKey`. */
  signers?: Record<string, string[]>;
  /** Roles whose sign-offs one person may give. */
  together?: string[][];
  /** Who made the last change to the runbook, where some sign-off is not for them to give. */
  author?: string;
}

/** Everything that can have happened. What is shown and what is decided is a fold of these. */
export type RunEvent =
  | ({
      type: 'run-opened';
      run: string;
      sources: Sources;
      opens: number;
      /** Settings given at the opening, over those of the document. */
      settings: Record<string, string>;
      rehearsal: boolean;
      by: Person;
    } & People)
  /** Somebody wants the run to go on with another version of its files. */
  | ({ type: 'change-proposed'; sources: Sources; diff: string; by: Person; reason: string } & People)
  /** A sign-off no longer counts, and is asked for again. */
  | { type: 'signoff-lapsed'; step: string; why: string }
  /** `by` operates the run from then on, as whoever did before. */
  | { type: 'conductor-started'; host: string; pid: number; token: number; by: Person }
  | { type: 'conductor-left'; why: string }
  | { type: 'conductor-noted'; note: string }
  | { type: 'target-bound'; target: Target }
  /** The database may have lost what was committed last; `lost` names steps that its ledger should have. */
  | { type: 'target-doubted'; target: Target; why: string; lost: string[] }
  | { type: 'clock-jumped'; byMs: number }
  | { type: 'window-began' }
  | { type: 'step-begun'; step: string; attempt: number }
  | { type: 'step-sampled'; step: string; values: Record<string, number> }
  | { type: 'step-noted'; step: string; note: string }
  /** A program of the step is at work; it may outlive the conductor. */
  | { type: 'program-started'; step: string; program: Program }
  | { type: 'step-asked'; step: string; result: Result }
  | { type: 'step-finished'; step: string; attempt: number; result: Result; workMs: number }
  | { type: 'step-skipped'; step: string; why: string }
  | { type: 'step-failed'; step: string; attempt: number; failure: Failure; workMs: number }
  | { type: 'step-not-done'; step: string; why: string }
  | { type: 'undo-begun'; step: string }
  | { type: 'undo-finished'; step: string; result: Result; workMs: number }
  | { type: 'undo-failed'; step: string; failure: Failure; workMs: number }
  | { type: 'prompt-opened'; prompt: Prompt }
  | { type: 'prompt-answered'; answer: Answer }
  /** The conductor acts on what has been answered up to here: one answer counts from now on, and further ones come too late. */
  | { type: 'prompt-settled'; prompt: string; round: number }
  | { type: 'prompt-closed'; prompt: string; round: number; why: string }
  /** `workers` says how many are asked for. */
  | { type: 'requested'; request: RequestKind; by: Person; reason?: string; workers?: number }
  | { type: 'rollback-begun'; reason: string }
  | { type: 'message-owed'; message: OutgoingMessage }
  | { type: 'message-sent'; id: string; recipients: number; detail: string }
  | { type: 'message-failed'; id: string; failure: Failure; retryAt: number | null }
  | {
      type: 'watch-sampled';
      watch: string;
      asked: number;
      failed: number;
      downMs: number;
      p50Ms: number;
      p99Ms: number;
    }
  /** Said at the start, to everybody: what threatens the run where it is conducted, and what to do about it. */
  | { type: 'warned'; warning: string; host: string }
  | { type: 'terminal-attached'; terminal: string; by: Person }
  /** `silent`: nothing was heard of it any more, and nobody has said so. */
  | { type: 'terminal-left'; terminal: string; by: Person; silent?: true }
  | { type: 'run-finished'; outcome: Outcome; why: string };

/** An event in its place. `at` is the plan clock, in ms since the epoch; `hash` is SHA-256 over `prev`, `seq`, `at`, event. */
export interface JournalRecord {
  seq: number;
  at: number;
  prev: string;
  hash: string;
  event: RunEvent;
}

/** What comes often and asks nothing of anybody. */
const UNHURRIED: ReadonlySet<RunEvent['type']> = new Set([
  'step-sampled',
  'watch-sampled',
  'terminal-attached',
  'terminal-left',
] satisfies RunEvent['type'][]);

/** Whether whoever looks on is to see it at once, and not with the next look. */
export function urgent({ type }: RunEvent): boolean {
  return !UNHURRIED.has(type);
}
