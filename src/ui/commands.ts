import { dirname } from 'node:path';
import type { Journal } from '../run/journal/journal.ts';
import type { RunState } from '../run/state.ts';
import { shellWord } from '../runbook/shell-word.ts';

/** Where another terminal finds a run: its name, or its folder; the file it was opened from; and what keeps its journal. */
export interface Place {
  run: string;
  file: string;
  journal: Pick<Journal, 'url' | 'path'>;
}

type Placed = Pick<RunState, 'run' | 'sources' | 'rehearsal'>;

export const placeOf = ({ run, sources, rehearsal }: Placed, journal: Place['journal']): Place => ({
  // A rehearsal is kept apart from the runs that are known by name.
  run: rehearsal && journal.path !== null ? dirname(journal.path) : run,
  file: sources.yaml.path,
  journal,
});

type Name = 'answer' | 'attach' | 'handover' | 'notify send' | 'report' | 'run' | 'status';

/** A command about a run, whole, as it is typed in another terminal. */
export function commandLine({ run, file, journal }: Place, name: Name, ...rest: string[]): string {
  const where = journal.url === null ? [] : ['--journal', shellWord(journal.url)];
  return ['runbook', name, shellWord(name === 'run' ? file : run), ...where, ...rest.map(shellWord)].join(' ');
}

/** The same within a sentence. */
export const command = (...of: Parameters<typeof commandLine>): string => `\`${commandLine(...of)}\``;
