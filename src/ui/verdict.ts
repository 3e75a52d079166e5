import type { JournalRecord } from '../run/events.ts';
import type { RunState } from '../run/state.ts';

/**
 * What became of an answer given at this terminal when another was given to the same question: said to whoever came second
 * as to whoever was contradicted. The last such among the records; null when there is none. Not yet inert.
 */
export function verdict(records: readonly JournalRecord[], state: RunState, terminal: string): string | null {
  for (const { event } of records.toReversed()) {
    if (event.type !== 'prompt-settled') continue;
    const asked = state.prompts.find(({ prompt }) => prompt.id === event.prompt && prompt.round === event.round);
    const overruled = asked?.answers.filter((each) => each.overruled) ?? [];
    const mine = overruled.findLast(({ answer }) => answer.from === terminal);
    if (asked?.settled?.from === terminal) {
      const other = overruled.find(({ answer }) => answer.from !== terminal)?.answer;
      if (other) return `Your “${asked.settled.choose}” counts, not the “${other.choose}” of ${other.by.name}.`;
    } else if (mine) {
      return `Your “${mine.answer.choose}” does not count, and is on record. ${mine.refused}`;
    }
  }
  return null;
}
