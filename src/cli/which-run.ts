import type { Outcome } from '../run/events.ts';
import type { Runbook } from '../runbook/plan.ts';
import { type Archive, WrongArguments } from './archive.ts';
import { stateOf } from './runs.ts';

/** The runs of a runbook, in the order they were opened, and the name that a new one would have. */
export interface Runs {
  known: { run: string; outcome: Outcome | null; openedAt: number }[];
  next: string;
}

/** What the names of a runbook's runs of a day begin with. */
export const dayOf = ({ document, opens }: Runbook) => `${document.id}-${new Date(opens).toISOString().slice(0, 10)}`;

/**
 * Finds the runs of a runbook.
 * @param everyDay whether those are meant, too, that were opened for another day than the runbook now says
 * @throws JournalFailed, JournalBroken, ConnectionFailed
 */
export async function runsOf(archive: Archive, runbook: Runbook, everyDay: boolean): Promise<Runs> {
  const names = await archive.names();
  const day = dayOf(runbook);
  // An id has no character that means something else in a pattern.
  const ours = new RegExp(`^${everyDay ? `${runbook.document.id}-\\d{4}-\\d\\d-\\d\\d` : day}(-\\d+)?$`);
  const known: Runs['known'] = [];
  for (const run of names.filter((name) => ours.test(name))) {
    // One whose making was cut short is made whole.
    const journal = await archive.make(run);
    try {
      const records = await journal.read(0);
      const outcome = stateOf(records)?.outcome?.outcome ?? null;
      known.push({ run, outcome, openedAt: records[0]?.at ?? Number.POSITIVE_INFINITY });
    } finally {
      await journal.close();
    }
  }
  let next = day;
  for (let nth = 2; names.includes(next); nth++) next = `${day}-${nth}`;
  return { known: known.toSorted((a, b) => a.openedAt - b.openedAt), next };
}

/** The run that is not over, one of this day before those of others; else a new one. @throws WrongArguments */
export function toCarryOn({ known, next }: Runs, runbook: Runbook): string {
  const open = known.filter(({ outcome }) => outcome === null).map(({ run }) => run);
  const today = open.find((run) => run.startsWith(dayOf(runbook)));
  if (today === undefined && open.length > 1) {
    throw new WrongArguments(`Several runs are not over: ${open.join(', ')}. Say with --opens TIME which is meant.`);
  }
  return today ?? open[0] ?? next;
}

/** The last run, if something of it may still be there to be taken back: one that is not over, or was aborted. */
export function toRollBack({ known }: Runs): string | undefined {
  const last = known.at(-1);
  return last?.outcome === null || last?.outcome === 'aborted' ? last.run : undefined;
}
