import { called, listed } from './plan.ts';
import type { Document, Item } from './schema.ts';
import { replaceVariables, type Variables, variablesOf } from './sql-file.ts';
import { columnsOf, SqlSyntaxError } from './sql-parser.ts';
import type { Step } from './step-schema.ts';
import { asJson, fill } from './template.ts';
import type { Path } from './yaml-text.ts';

/** `export`: its rows are kept before the undo. `as-people`: run once for each person that the `actors` file finds, with the columns of their row. */
export type Use = 'work' | 'look' | 'as-people' | 'export' | 'undo';

/** One go of a SQL file in a step. */
export interface StepFile {
  file: string;
  /** Where the step names it. */
  path: Path;
  use: Use;
  vars: Variables;
  /** The item of the step's list that it is for. */
  of?: string;
}

/** What steps draw on besides themselves. `text` gives the text of a file; empty when there is none. */
export interface Surroundings {
  settings: Document['settings'];
  lists: Document['lists'];
  text(file: string): string;
}

interface Named {
  file: string;
  path: Path;
  use: Use;
  more?: (item: Item, file: string) => Variables;
  /** The only item that it is for. */
  only?: string;
}

/** All of the heap: what a batch of a backfill is a part of. */
const WHOLE_TABLE = { from_tid: '(0,0)', to_tid: '(4294967295,0)', slice: '0', slices: '1' };

/**
 * The SQL files of a planned step, in the order and as often as they are run, with the variables they are given: every
 * setting, the fields of the item, and the step's `vars`. What is only known at run time has a stand-in: a batch is the
 * whole table, a person's row has in each column the column's name.
 */
export function stepFiles(step: Step, { settings, lists, text }: Surroundings): StepFile[] {
  const own = Object.entries('vars' in step ? step.vars : {}).map(([name, value]) => [
    name,
    fill(value, { settings, lists: asJson(lists) }, 'keep'),
  ]);
  const given = (item: Item): Variables => ({ ...settings, ...item, ...Object.fromEntries(own) });
  const items = listed(lists, 'tables' in step ? step.tables : undefined);
  const columns = 'actors' in step ? columnsFound(text(step.actors)) : [];
  const people: Named['more'] = (_item, file) =>
    Object.fromEntries((columns ?? variablesOf(text(file)).map(({ name }) => name)).map((name) => [name, name]));
  return named(step, settings, people).flatMap(({ file, path, use, more, only }) => {
    // Undos are run once, whatever list the step has; and where a check counts the rows of the list, its query is.
    if (
      items.length === 0 ||
      use === 'undo' ||
      use === 'export' ||
      (step.kind === 'check' && step.rows !== undefined)
    ) {
      return file === '' ? [] : [{ file, path, use, vars: { ...given({}), ...more?.({}, file) } }];
    }
    return items.flatMap((item) => {
      const of = called(item, items);
      if (only !== undefined && of !== only) return [];
      const theirs = step.kind === 'policies' && use === 'work' ? (item.policies ?? file) : file;
      const vars = { ...given(item), ...more?.(item, theirs) };
      return theirs === '' ? [] : [{ file: theirs, path, use, vars, of }];
    });
  });
}

/** The columns a query with variables returns; undefined when the text does not tell. */
export function columnsFound(sql: string): string[] | undefined {
  const standIns = { literal: "''", identifier: 'x', raw: 'x' };
  try {
    return columnsOf(replaceVariables(sql, ({ form }) => standIns[form]).text);
  } catch (error) {
    // The error is reported where it stands.
    if (error instanceof SqlSyntaxError) return undefined;
    throw error;
  }
}

function named(step: Step, settings: Document['settings'], people: Named['more']): Named[] {
  const all = (key: string, files: string[], use: Use, more?: Named['more']): Named[] =>
    files.map((file, i) => ({ file, path: [key, i], use, ...(more && { more }) }));
  const one = (key: string, file: string | undefined, use: Use, more?: Named['more']): Named[] =>
    all(key, file === undefined ? [] : [file], use, more).map((it) => ({ ...it, path: [key] }));
  const keyed = (key: string, files: Record<string, string>): Named[] =>
    Object.entries(files).flatMap(([name, file]) =>
      one(key, file, 'as-people', people).map((it) => ({ ...it, path: [key, name] })),
    );
  const undo = [
    ...all('export', step.undo?.export ?? [], 'export'),
    ...all('files', step.undo?.files ?? [], 'undo'),
  ].map((it) => ({ ...it, path: ['undo', ...it.path] }));
  switch (step.kind) {
    case 'check':
      return [...one('sql', step.sql, 'look'), ...undo];
    case 'sql':
      return [...all('files', step.files, 'work'), ...undo];
    case 'backfill':
      return [
        ...one('file', step.file, 'work', () => WHOLE_TABLE),
        ...one('remaining', step.remaining, 'look'),
        ...undo,
      ];
    case 'index': {
      const index = (item: Item) => ({ index: fill(step.name, { item, settings }, 'keep') });
      return [...one('needed', step.needed, 'look'), ...one('file', step.file, 'work', index), ...undo];
    }
    case 'policies':
      return [
        ...one('actors', step.access?.actors, 'look').map((it) => ({ ...it, path: ['access', ...it.path] })),
        ...one('file', step.file ?? '', 'work'),
        ...undo,
      ];
    case 'isolation':
      return [
        ...one('actors', step.actors, 'look'),
        ...one('hold', step.hold, 'as-people', people),
        ...keyed('prepare', step.prepare),
        ...one('own', step.own, 'as-people', people),
        ...keyed('samples', step.samples).map((it) => ({ ...it, only: String(it.path[1]) })),
        ...one('row', step.row, 'as-people', people),
        ...one('sample', step.sample, 'as-people', people),
        ...one('misplaced', step.misplaced, 'as-people', people),
        ...step.attacks.flatMap(({ file }, i) =>
          one('file', file, 'as-people', people).map((it) => ({ ...it, path: ['attacks', i, ...it.path] })),
        ),
        ...undo,
      ];
    case 'measure':
      return [
        ...one('actors', step.actors, 'look', () => ({ chosen: '{}' })),
        ...step.queries.map(
          ({ file }, i): Named => ({
            file,
            path: ['queries', i, 'file'],
            use: 'as-people',
            ...(people && { more: people }),
          }),
        ),
        ...undo,
      ];
    case 'manual':
    case 'decision':
      return [...all('evidence', step.evidence, 'look'), ...undo];
    case 'monitor':
      return [
        ...step.samples.map(({ sql = '' }, i): Named => ({ file: sql, path: ['samples', i, 'sql'], use: 'look' })),
        ...undo,
      ];
    default:
      return undo;
  }
}
