import type { Failure, OutgoingMessage } from './events.ts';
import type { RunState } from './state.ts';

/** Sends what the run has to say. Never holds it up: a failure is on record, shown, and tried again. */
export interface Outbox {
  /** Messages that should have gone out by now and are not yet in the state. `percent` is 0–100 of the window's work. */
  due(state: RunState, percent: number, now: number): OutgoingMessage[];
  /** @returns how many people it reached, and where it went, for the record */
  deliver(message: OutgoingMessage): Promise<{ recipients: number; detail: string }>;
  /** What is shown of a failed delivery, and in how many ms to try again; null when trying again would not help. */
  explain(error: unknown, attempts: number): { failure: Failure; retryInMs: number | null };
  close(): Promise<void>;
}
