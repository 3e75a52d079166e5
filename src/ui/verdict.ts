import { askedBy } from '../run/answering/answers.ts';
import type { JournalRecord } from '../run/events.ts';
import { isOpen } from '../run/fold/questions.ts';
import type { PromptState, RunState } from '../run/state.ts';

const notCounted = ({ answer, refused }: PromptState['answers'][number]) =>
  `Your “${answer.choose}” does not count, and is on record. ${refused}`;

/**
 * What became of an answer given at this terminal when another was given to the same question: said to whoever came second,
 * or too late, as to whoever was contradicted. The last such among the records; null when there is none. Not yet inert.
 */
export function verdict(records: readonly JournalRecord[], state: RunState, terminal: string): string | null {
  for (const { event } of records.toReversed()) {
    if (event.type === 'prompt-answered' && event.answer.from === terminal) {
      const asked = askedBy(state, event.answer);
      const given = asked?.answers.find(({ answer }) => answer === event.answer);
      if (asked && given && given.refused !== null && !isOpen(asked)) return notCounted(given);
    }
    if (event.type !== 'prompt-settled') continue;
    const asked = state.prompts.find(({ prompt }) => prompt.id === event.prompt && prompt.round === event.round);
    const overruled = asked?.answers.filter((each) => each.overruled) ?? [];
    const mine = overruled.findLast(({ answer }) => answer.from === terminal);
    if (asked?.settled?.from === terminal) {
      const { choose } = asked.settled;
      const others = overruled.map(({ answer }) => answer).filter(({ from }) => from !== terminal);
      const other = others.find((each) => each.choose !== choose) ?? others[0];
      if (other) {
        const against = other.choose === choose ? '; after it came' : ', not';
        return `Your “${choose}” counts${against} the “${other.choose}” of ${other.by.name}.`;
      }
    } else if (mine) {
      return notCounted(mine);
    }
  }
  return null;
}
