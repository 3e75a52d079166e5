import type { Evidence } from '../run/events.ts';

/** What one try at one table, as one person, came to. */
export interface Trial {
  table: string;
  actor: string;
  /** What was tried: a column of the matrix. */
  tried: string;
  came: 'held' | 'leaked' | 'untried';
  /** In words: `refused`, `no row`, `12 of 12`, … */
  said: string;
}

/** What all the trials come to. */
export interface Findings {
  leaks: Trial[];
  /** What could not be proved, and why. */
  unproved: string[];
  matrix: Evidence;
}

const GRAVITY = { held: 0, untried: 1, leaked: 2 } as const;

/** Sums trials up: a row for each table, a column for each thing tried, in each cell the worst that came of it. */
export function findings(trials: Trial[]): Findings {
  const distinct = (values: string[]) => [...new Set(values)];
  const tables = distinct(trials.map((each) => each.table));
  const columns = distinct(trials.map((each) => each.tried));
  const cell = (table: string, tried: string) => {
    const there = trials.filter((each) => each.table === table && each.tried === tried);
    const worst = there.toSorted((a, b) => GRAVITY[b.came] - GRAVITY[a.came])[0];
    if (worst === undefined) return '–';
    if (worst.came === 'held') return distinct(there.map((each) => each.said)).join(' / ');
    return `${worst.came === 'leaked' ? 'LEAK' : 'not tried'}: ${worst.said} (${worst.actor})`;
  };
  return {
    leaks: trials.filter((each) => each.came === 'leaked'),
    unproved: distinct(
      trials.filter((each) => each.came === 'untried').map((each) => `${each.table}, ${each.tried}: ${each.said}`),
    ),
    matrix: {
      kind: 'rows',
      title: 'What was tried, and what came of it',
      columns: ['table', ...columns],
      rows: tables.map((table) => [table, ...columns.map((tried) => cell(table, tried))]),
      more: 0,
    },
  };
}
