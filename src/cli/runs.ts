import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { EmptyJournal } from '../report/report.ts';
import type { JournalRecord, Person } from '../run/events.ts';
import { fold } from '../run/fold.ts';
import type { Journal } from '../run/journal.ts';
import { peopleOf } from '../run/people.ts';
import { makeSqliteJournal, openingOf, openSqliteJournal } from '../run/sqlite-journal.ts';
import type { RunState } from '../run/state.ts';
import type { Runbook } from '../runbook/plan.ts';
import { parseRunbook } from '../runbook/sources.ts';

/** Nothing on this machine goes by that name. */
export class NoSuchRun extends Error {
  constructor(name: string | undefined, known: string[]) {
    const others = known.length > 0 ? ` Known: ${known.join(', ')}.` : ' No run has been opened on this machine yet.';
    super(name === undefined ? `There is no run to look at.${others}` : `There is no run called ${name}.${others}`);
    this.name = 'NoSuchRun';
  }
}

/** Where the journals of this user's runs are: $XDG_STATE_HOME/middlewatch/runs, else below ~/.local/state. */
export function runsFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'middlewatch', 'runs');
}

export const journalOf = (folder: string) => join(folder, 'journal.sqlite');

/** The state after all records; null for a journal without any. */
export function stateOf(records: readonly JournalRecord[]): RunState | null {
  let state: RunState | null = null;
  for (const record of records) state = fold(state, record);
  return state;
}

/** A name that means one journal: a path to it, a path to its folder, or the name of a run of this user. */
function journalCalled(name: string): string | undefined {
  const path = resolve(name);
  const places = [...(path.endsWith('.sqlite') ? [path] : []), journalOf(path), journalOf(join(runsFolder(), name))];
  return places.find((each) => existsSync(each));
}

/**
 * The path of a run's journal: of the run or file of that name, or, without a name, of the run opened last.
 * @throws NoSuchRun, JournalFailed
 */
export async function findJournal(name: string | undefined): Promise<string> {
  const folder = runsFolder();
  const names = existsSync(folder)
    ? (await readdir(folder)).filter((each) => existsSync(journalOf(join(folder, each))))
    : [];
  const paths = names.map((each) => journalOf(join(folder, each)));
  const found = name === undefined ? latest(paths) : journalCalled(name);
  if (found === undefined) throw new NoSuchRun(name, names);
  return found;
}

function latest(paths: string[]): string | undefined {
  const opened = paths.flatMap((path) => {
    const at = openingOf(path);
    return at === null ? [] : [{ path, at }];
  });
  return opened.toSorted((a, b) => b.at - a.at)[0]?.path;
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
export async function readRun(name: string | undefined): Promise<Recorded> {
  const journal = await openSqliteJournal(await findJournal(name));
  const records = await journal.read(0);
  const event = records[0]?.event;
  const state = stateOf(records);
  if (event?.type !== 'run-opened' || state === null) throw new EmptyJournal();
  const { sources, opens, settings } = event;
  return { journal, records, runbook: parseRunbook(sources, { opens, settings }), state };
}

export interface Opened {
  folder: string;
  journal: Journal;
  /** Sequence number of the last record before this command added any. */
  since: number;
}

interface Opening {
  runbook: Runbook;
  folder: string;
  by: Person;
  settings: Record<string, string>;
  rehearsal: boolean;
  /** When the journal begins, on the plan clock, in ms since the epoch. */
  at: number;
}

/** Opens the journal in a folder; a run is opened in it when it has none yet. */
export async function openRun({ runbook, folder, by, settings, rehearsal, at }: Opening): Promise<Opened> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  makeSqliteJournal(journalOf(folder));
  const journal = await openSqliteJournal(journalOf(folder));
  const records = await journal.read(0);
  if (records.length > 0) return { folder, journal, since: records.at(-1)?.seq ?? 0 };
  const run = folder.split('/').at(-1) ?? runbook.document.id;
  const { sources, opens } = runbook;
  await journal.append('terminal', at, [
    { type: 'run-opened', run, sources, opens, settings, ...peopleOf(runbook.document), rehearsal, by },
    ...(rehearsal ? [{ type: 'clock-jumped' as const, byMs: Math.round(at - Date.now()) }] : []),
  ]);
  return { folder, journal, since: 0 };
}
