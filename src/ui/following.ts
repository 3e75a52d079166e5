import type { JournalRecord, Person } from '../run/events.ts';
import type { Journal } from '../run/journal.ts';

/** What a terminal of either kind is given. */
export interface Following {
  journal: Journal;
  /** Who sits at it, unless they say otherwise when answering. */
  me: Person;
  /** Its host and process, as they are put on record. */
  terminal: string;
  /**
   * A `seq`: what was recorded up to it is history. A conductor that left before does not end this terminal, one that
   * leaves after does. Without it, everything there was when the terminal came is history.
   */
  since?: number;
  /** Leaves the terminal when aborted. */
  signal?: AbortSignal;
}

/** Tells from the records, in the batches in which they come, when there is nothing more to follow. */
export function ending(since?: number): (records: readonly JournalRecord[]) => boolean {
  let history = since;
  return (records) => {
    history ??= records.at(-1)?.seq ?? 0;
    const past = history;
    return records.some(
      ({ seq, event }) => event.type === 'run-finished' || (event.type === 'conductor-left' && seq > past),
    );
  };
}
