import type { Step } from '../runbook/step-schema.ts';
import type { PlanClock } from './clock.ts';
import type { Failure, Result, Target } from './events.ts';
import type { Progress } from './journal/journal.ts';
import type { ProcessIdentity } from './process.ts';
import type { RunState } from './state.ts';
import type { Found } from './target.ts';

/** What an operator can change about a step at work. `speed` is a factor on its pace, 1 as written; `workers` null: as written. */
export interface Control {
  readonly paused: boolean;
  readonly speed: number;
  readonly workers: number | null;
}

/** Everything a step is given for one act. */
export interface Act {
  attempt: number;
  /** The conductor's fence: a step's transaction checks that no later conductor has been there. */
  token: number;
  /** Aborted when the run is to stop: cancel what is at work on the server, leave nothing half done. */
  signal: AbortSignal;
  control: Control;
  clock: PlanClock;
  /** State as of now; facts of earlier steps and choices of decisions are read from it. */
  state(): RunState;
  pulse(progress: Progress): void;
  /** Numbers for the report, kept in the journal. */
  sample(values: Record<string, number>): Promise<void>;
  /** Puts on record that a program is at work for the step, so that the next conductor can find it. */
  program(it: ProcessIdentity): Promise<void>;
  /** A sentence for the log of the run. */
  note(text: string): Promise<void>;
  /** True once in a rehearsal that was told to let this step fail: see `RehearsedFailure`. */
  failsNow(): boolean;
}

/** What `verify` finds out about a step that may or may not have happened. */
export type Verification =
  | { found: 'done'; result: Result }
  | { found: 'not-done' }
  | { found: 'unclear'; why: string };

/** What performing came to: a result, or evidence for a person to decide on. */
export type Performed = { finished: Result } | { asks: Result };

/** Performs steps against the world; one implementation, in `steps`, and one of its own in the tests. */
export interface Performer {
  /** Looks at the database, and changes nothing there. */
  look(run: string, token: number): Promise<Found>;
  /**
   * Takes the fence with the conductor's token.
   * @param journal what no other journal has: the hash of its first record
   * @returns what it is bound to, and what had to be done for that, in words; null where the runbook works on no database
   */
  bind(run: string, token: number, journal: string): Promise<{ target: Target; notes: string[] } | null>;
  /** This, `verify` and `undo` throw TargetChanged when the database is not as it was when it was bound. */
  perform(step: Step, act: Act): Promise<Performed>;
  verify(step: Step, act: Act): Promise<Verification>;
  undo(step: Step, act: Act): Promise<Result>;
  /** Takes away what only looks on at the application's work: called when a run ends where it stands, for good. */
  letGo(token: number, signal: AbortSignal): Promise<void>;
  /** What is shown and kept of an error: typed, without secrets, with advice. */
  explain(error: unknown): Failure;
  close(): Promise<void>;
}

/** The failure a rehearsal was asked for with `--fail`. */
export class RehearsedFailure extends Error {
  constructor() {
    super('This failure was asked for with --fail, to rehearse what follows it.');
    this.name = 'RehearsedFailure';
  }
}
