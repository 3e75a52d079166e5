import type { Failure, OutgoingMessage } from './events.ts';
import type { RunState } from './state.ts';

/** How the run stands, as far as a message may say it: 0–100 of the window's work, and the expected finish (ms). */
export interface Outlook {
  percent: number;
  finishAt: number;
}

/** Sends what the run has to say. Never holds it up: a failure is on record, shown, and tried again. */
export interface Outbox {
  /** Messages that should have gone out by now and are not yet in the state. */
  due(state: RunState, outlook: Outlook, now: number): OutgoingMessage[];
  /**
   * Carries on where an earlier attempt stopped: nobody it reached then is written to again.
   * @param state for a status page, which shows every post so far
   * @returns how many people it reached, and where it went, for the record
   */
  deliver(message: OutgoingMessage, state: RunState): Promise<{ recipients: number; detail: string }>;
  /** What is shown of a failed delivery, and in how many ms to try again; null when trying again would not help. */
  explain(error: unknown, attempts: number): { failure: Failure; retryInMs: number | null };
  close(): Promise<void>;
}
