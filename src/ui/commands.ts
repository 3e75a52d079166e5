import type { Journal } from '../run/journal/journal.ts';

/** Where another terminal finds a run: its name, and the database of its journal, if one keeps that. */
export interface Place {
  run: string;
  journal: Pick<Journal, 'url'>;
}

/** As a shell takes it for one word. */
const word = (text: string) => (/^[\w@:/.,%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** A command about a run, whole, as it is typed in another terminal. */
export function command({ run, journal }: Place, name: 'answer' | 'attach' | 'report', ...rest: string[]): string {
  const where = journal.url === null ? [] : ['--journal', word(journal.url)];
  return `\`${['runbook', name, word(run), ...where, ...rest].join(' ')}\``;
}
