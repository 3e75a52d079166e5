import type { Command } from 'commander';
import { peopleOf } from '../run/answering/people.ts';
import { pinOf } from '../run/answering/statement.ts';
import type { Person } from '../run/events.ts';
import type { Journal } from '../run/journal/journal.ts';
import { changeTroubles, runbookOf, sourcesDiff } from '../run/pins.ts';
import type { RunState } from '../run/state.ts';
import type { Runbook } from '../runbook/plan.ts';
import { inert, inertLines } from '../ui/inert.ts';
import { authorOf } from './author.ts';
import { print } from './print.ts';

interface Change {
  journal: Journal;
  state: RunState;
  /** As its files are now. */
  runbook: Runbook;
  by: Person;
  /** Why the run is to go on with them; undefined: nobody asked for that. */
  reason: string | undefined;
  command: Command;
}

/**
 * Deals with files that are no longer as the run has them: shows what was changed, and ends the program, or asks for a second
 * person's approval, once. Until that is given, the run goes by what it has.
 * @throws AuthorUnknown
 */
export async function proposeChange({ journal, state, runbook, by, reason, command }: Change): Promise<void> {
  if (state.proposed && pinOf(state.proposed.sources) === pinOf(runbook.sources)) {
    const { by: asked, reason: why } = state.proposed;
    print(`${inert(asked.name)} has asked already to go on with the files as they are now: ${inert(why)}\n`);
    return;
  }
  const before = runbookOf(state);
  const diff = sourcesDiff(before.sources, runbook.sources);
  print(`${inertLines(diff).join('\n')}\n`);
  const [trouble] = changeTroubles(before, runbook, state);
  if (trouble !== undefined) {
    command.error(
      `error: the run cannot go on with these changes: ${trouble}. Take that back, or end the run and open another.`,
    );
  }
  if (reason === undefined) {
    return command.error(
      'error: the runbook or its files are no longer as they were when the run was opened; this is what was changed. Nothing was done.\n' +
        'Take the changes back, or go on with them, once a second person has approved it: --accept-changes WHY',
    );
  }
  const { sources, document } = runbook;
  const people = peopleOf(document, await authorOf(runbook));
  await journal.append('terminal', Date.now(), [{ type: 'change-proposed', sources, diff, by, reason, ...people }]);
}
