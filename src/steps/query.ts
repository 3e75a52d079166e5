import { ask, type Queryable, type Table } from '../postgres/ask.ts';
import type { Evidence } from '../run/events.ts';
import { bind } from '../runbook/sql-file.ts';
import { located } from './run-file.ts';
import { source, type World } from './world.ts';

/** Rows of a table that are kept as evidence; the rest is counted. */
const SHOWN_ROWS = 50;

/**
 * Runs a file that is one query, with its variables bound, and returns its rows as text.
 * @throws StatementFailed with `file:line`
 */
export async function query(on: Queryable, world: World, path: string, vars: Record<string, string>): Promise<Table> {
  const { text, values } = bind(source(world, path).text, vars);
  return ask(on, text, values).catch((cause: unknown) => {
    throw located(path, 1, text, cause);
  });
}

/** Rows as a person is shown them. */
export function rowsShown(title: string, { columns, rows }: Table): Evidence {
  return { kind: 'rows', title, columns, rows: rows.slice(0, SHOWN_ROWS), more: Math.max(0, rows.length - SHOWN_ROWS) };
}

/** What a query found for one item of a list. */
export interface Found {
  of: string;
  table: Table;
}

/** The answers for items of a list under one another, each row with its item in front. Where the columns differ from item to item, a row is told as `column: value`. */
export function together(found: Found[]): Table {
  const columns = found[0]?.table.columns ?? [];
  const alike = found.every(({ table }) => table.columns.join('\n') === columns.join('\n'));
  const rows = found.flatMap(({ of, table }) =>
    table.rows.map((row) =>
      alike ? [of, ...row] : [of, row.map((value, i) => `${table.columns[i]}: ${value}`).join(', ')],
    ),
  );
  return { columns: ['of', ...(alike ? columns : ['row'])], rows };
}
