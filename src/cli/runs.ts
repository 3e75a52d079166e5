import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { JournalRecord, Person } from '../run/events.ts';
import { fold } from '../run/fold.ts';
import type { Journal } from '../run/journal.ts';
import { openSqliteJournal } from '../run/sqlite-journal.ts';
import type { RunState } from '../run/state.ts';
import type { Runbook } from '../runbook/plan.ts';

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

/**
 * The folder of a run: by its name, by a path to its folder or journal, or, without a name, the one opened last.
 * @throws NoSuchRun
 */
export async function findRun(name: string | undefined): Promise<string> {
  if (name !== undefined && existsSync(name)) {
    const path = resolve(name);
    return path.endsWith('.sqlite') ? join(path, '..') : path;
  }
  const folder = runsFolder();
  const names = existsSync(folder)
    ? (await readdir(folder)).filter((each) => existsSync(journalOf(join(folder, each))))
    : [];
  if (name !== undefined && names.includes(name)) return join(folder, name);
  if (name !== undefined || names.length === 0) throw new NoSuchRun(name, names);
  const opened = await Promise.all(
    names.map(async (each) => {
      const journal = await openSqliteJournal(journalOf(join(folder, each)));
      try {
        return { each, at: (await journal.read(0))[0]?.at ?? 0 };
      } finally {
        await journal.close();
      }
    }),
  );
  opened.sort((a, b) => b.at - a.at);
  return join(folder, opened[0]?.each ?? '');
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
  const journal = await openSqliteJournal(journalOf(folder));
  const records = await journal.read(0);
  if (records.length > 0) return { folder, journal, since: records.at(-1)?.seq ?? 0 };
  const people = Object.fromEntries(
    Object.entries(runbook.document.roles).map(([role, { people }]) => [role, people.map((each) => each.name)]),
  );
  const run = folder.split('/').at(-1) ?? runbook.document.id;
  const { sources, opens } = runbook;
  await journal.append('terminal', at, [
    { type: 'run-opened', run, sources, opens, settings, people, rehearsal, by },
    ...(rehearsal ? [{ type: 'clock-jumped' as const, byMs: Math.round(at - Date.now()) }] : []),
  ]);
  return { folder, journal, since: 0 };
}
