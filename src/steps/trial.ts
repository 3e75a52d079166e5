import type { Evidence } from '../run/events.ts';

/** What one try at one table, as one person, came to. */
export interface Trial {
  table: string;
  actor: string;
  /** What was tried: a column of the matrix. */
  tried: string;
  came: 'held' | 'leaked' | 'untried';
  /** In words: `refused`, `no row`, `3 rows`, … */
  said: string;
  /** Rows that were seen and should be; added up over the people. */
  rows?: number;
}

/** What all the trials come to, in words. */
export interface Findings {
  leaks: string[];
  /** What could not be proved, and why. */
  unproved: string[];
  matrix: Evidence;
}

/** Sums trials up: a row for each table, a column for each thing tried, in each cell the worst that came of it. */
export function findings(trials: Trial[]): Findings {
  const groups = Map.groupBy(trials, ({ table, tried }) => JSON.stringify([table, tried]));
  const cell = (table: string, tried: string) => cellOf(groups.get(JSON.stringify([table, tried])) ?? []);
  const tables = distinct(trials.map((each) => each.table));
  const columns = distinct(trials.map((each) => each.tried));
  const sentences = (came: Trial['came']) =>
    [...groups.values()].flatMap((group) => {
      const [first, ...others] = group.filter((each) => each.came === came);
      return first === undefined ? [] : [`${first.table}, ${first.tried}: ${first.said} (${actors(first, others)})`];
    });
  return {
    leaks: sentences('leaked'),
    unproved: sentences('untried'),
    matrix: {
      kind: 'rows',
      title: 'What was tried, and what came of it',
      columns: ['table', ...columns],
      rows: tables.map((table) => [table, ...columns.map((tried) => cell(table, tried))]),
      more: 0,
    },
  };
}

function cellOf(group: Trial[]): string {
  const [leak, ...leaks] = group.filter((each) => each.came === 'leaked');
  if (leak !== undefined) return `FAILED: ${leak.said} (${actors(leak, leaks)})`;
  const untried = group.find((each) => each.came === 'untried');
  if (untried !== undefined) return `not tried: ${untried.said}`;
  const counted = group.flatMap((each) => each.rows ?? []);
  if (counted.length > 0) return `all ${counted.reduce((sum, rows) => sum + rows, 0)}`;
  return distinct(group.map((each) => each.said)).join(' / ') || '–';
}

const actors = (first: Trial, others: Trial[]) =>
  others.length === 0 ? first.actor : `${first.actor} and ${others.length} more`;

const distinct = (values: string[]) => [...new Set(values)];
