import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { EmptyJournal } from '../report/report.ts';
import { peopleOf } from '../run/answering/people.ts';
import type { JournalRecord, Person } from '../run/events.ts';
import { foldAll } from '../run/fold/fold.ts';
import { coveredJournal } from '../run/journal/covered.ts';
import { type Journal, JournalBroken } from '../run/journal/journal.ts';
import { runbookOf } from '../run/pins.ts';
import type { RunState } from '../run/state.ts';
import type { Runbook } from '../runbook/plan.ts';
import { type Archive, WrongArguments } from './archive.ts';
import { authorOf } from './author.ts';
import { secretsOf } from './secrets.ts';

/**
 * Where the runs of this user keep what is not in the journal, and the journal too unless a database has it:
 * $XDG_STATE_HOME/middlewatch/runs, else below ~/.local/state. @throws WrongArguments
 * @see https://specifications.freedesktop.org/basedir-spec/latest/#variables
 */
export function runsFolder(env: NodeJS.ProcessEnv = process.env): string {
  const { XDG_STATE_HOME: named = '' } = env;
  // As its specification says, one that is empty or relative is no answer.
  const state = isAbsolute(named) ? named : join(homedir(), '.local', 'state');
  if (!isAbsolute(state))
    throw new WrongArguments('HOME is no absolute path: say with XDG_STATE_HOME where runs are kept.');
  return join(state, 'middlewatch', 'runs');
}

/** The folder of a run of this user, which is made. @throws WrongArguments when it cannot be */
export async function runFolder(run: string): Promise<string> {
  const folder = join(runsFolder(), run);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new WrongArguments(
      `The folder of this run cannot be made: ${why}. XDG_STATE_HOME says where runs are kept.`,
      { cause },
    );
  }
  return folder;
}

export const journalOf = (folder: string) => join(folder, 'journal.sqlite');

/**
 * The state after all records; null for a journal without any.
 * @throws JournalBroken when the hashes are right and a record still is none that this program wrote
 */
export function stateOf(records: readonly JournalRecord[]): RunState | null {
  let whole = 0;
  try {
    return foldAll(null, records, (_, { seq }) => {
      whole = seq;
    });
  } catch (cause) {
    throw new JournalBroken(whole + 1, 'makes no sense where it stands', { cause });
  }
}

/** A run as its journal has it. */
export interface Recorded {
  journal: Journal;
  records: JournalRecord[];
  runbook: Runbook;
  state: RunState;
}

/**
 * Reads a run for somebody who looks at it: by name or path, or the one opened last. The journal is for the caller to close.
 * @throws NoSuchRun, JournalFailed, JournalBroken, EmptyJournal
 */
export async function readRun(archive: Archive, name: string | undefined): Promise<Recorded> {
  const journal = coveredJournal(await archive.open(name), secretsOf(process.env));
  const records = await journal.read(0);
  const state = stateOf(records);
  if (state === null) throw new EmptyJournal();
  return { journal, records, runbook: runbookOf(state), state };
}

export interface Opened {
  run: string;
  journal: Journal;
  /** Sequence number of the last record before this command added any. */
  since: number;
}

interface Opening {
  archive: Archive;
  runbook: Runbook;
  run: string;
  by: Person;
  settings: Record<string, string>;
  rehearsal: boolean;
  /** When the journal begins, on the plan clock, in ms since the epoch. */
  at: number;
}

/** Opens the journal of a run; the run is opened in it unless it has been, by whoever was quickest. */
export async function openRun({ archive, runbook, run, by, settings, rehearsal, at }: Opening): Promise<Opened> {
  const journal = coveredJournal(await archive.make(run), secretsOf(process.env));
  const { sources, opens } = runbook;
  const author = await authorOf(runbook);
  const opening = await journal.append('opener', at, [
    { type: 'run-opened', run, sources, opens, settings, ...peopleOf(runbook.document, author), rehearsal, by },
    ...(rehearsal ? [{ type: 'clock-jumped' as const, byMs: Math.round(at - Date.now()) }] : []),
  ]);
  const since = opening.length > 0 ? 0 : ((await journal.read(0)).at(-1)?.seq ?? 0);
  return { run, journal, since };
}
