import { dirname, join } from 'node:path';
import { type Outline, placeOfItem } from './outline.ts';
import { called, listed, repeated } from './plan.ts';
import { parseBody } from './plpgsql.ts';
import { asTyped, type Problem, placeOf } from './problems.ts';
import type { Sources } from './schema.ts';
import { MissingVariable, type Rendered, render, rendered, type Variables, variablesOf } from './sql-file.ts';
import { tokens } from './sql-lexer.ts';
import { SqlSyntaxError, type Statement, statements, within } from './sql-parser.ts';
import { columnsFound, type StepFile, stepFiles } from './step-files.ts';
import type { StepKind } from './step-schema.ts';
import type { Path, YamlText } from './yaml-text.ts';

export interface SqlFindings {
  problems: Problem[];
  /** How many statements were parsed, each file counted once. */
  statements: number;
}

/** Reads every SQL file as each step would run it, with PostgreSQL's own parsers, bodies of functions included. */
export function checkSql(
  sources: Sources,
  { steps, audiences, lists, written, settings }: Outline,
  yaml: YamlText,
): SqlFindings {
  const problems: Problem[] = [];
  const counted = new Map<string, number>();
  const source = (file: string) => (Object.hasOwn(sources.files, file) ? sources.files[file] : undefined);
  const text = (file: string) => source(file)?.text ?? '';

  /** One file with one set of variables. @returns the variable that is missing, if one is, and the line that asks for it */
  const read = (file: string, vars: Variables, must: Must): { error: MissingVariable; where: string } | undefined => {
    const named = source(file);
    if (named === undefined) return undefined;
    const shown = asTyped(join(dirname(sources.yaml.path), file));
    const found = parseFile(named.text, vars);
    if (found instanceof MissingVariable) {
      return { error: found, where: `${file}:${placeOf(named.text, found.offset).line}` };
    }
    const wrong = found instanceof SqlSyntaxError ? [found] : unfit(found, must);
    for (const { offset, message } of wrong) problems.push({ file: shown, ...placeOf(named.text, offset), message });
    if (Array.isArray(found)) counted.set(file, found.length);
    return undefined;
  };

  for (const { path, value, whole } of steps) {
    const list = 'tables' in value ? value.tables : undefined;
    // What the items of an unknown or broken list hold cannot be told.
    if (list !== undefined && !Object.hasOwn(lists, list)) continue;
    if (value.kind === 'policies' && whole) {
      const { within: condition = 'true', access } = value;
      const people =
        access && (columnsFound(text(access.actors)) ?? variablesOf(access.theirs).map(({ name }) => name));
      const conditions: { at: Path; condition: string; more: string[] }[] = [
        { at: ['within'], condition, more: [] },
        { at: ['access', 'theirs'], condition: access?.theirs ?? 'true', more: people ?? [] },
      ];
      for (const { at, condition, more } of conditions) {
        const given = { ...settings, ...Object.fromEntries(more.map((name) => [name, ''])) };
        const wrong = listed(lists, list).flatMap((item) => conditionTrouble(condition, { ...given, ...item }) ?? []);
        if (wrong[0] !== undefined) problems.push(yaml.at([...path, ...at], wrong[0]));
      }
    }
    for (const step of repeated(value, lists)) {
      for (const used of stepFiles(step, { settings, lists, text })) {
        const missing = read(used.file, used.vars, wanted(step.kind, used));
        // What gives the variable may be among what is broken.
        if (missing === undefined || !whole) continue;
        const { variable, message } = missing.error;
        const lacking = lackingItem({ lists, written }, list, used.of, variable);
        problems.push(
          lacking === undefined
            ? yaml.at([...path, ...used.path], `${missing.where}: ${message}`)
            : yaml.at(lacking, `this item has no '${variable}', which steps ask for and others have`),
        );
      }
    }
  }
  for (const { path, value } of audiences) {
    const missing = value.sql === undefined ? undefined : read(value.sql, settings, 'one');
    if (missing) problems.push(yaml.at([...path, 'sql'], `${missing.where}: ${missing.error.message}`));
  }
  return { problems, statements: [...counted.values()].reduce((sum, count) => sum + count, 0) };
}

/** Where the item stands that lacks a field which others of its list have; undefined when it is not that. */
function lackingItem(
  { lists, written }: Pick<Outline, 'lists' | 'written'>,
  list: string | undefined,
  of: string | undefined,
  field: string,
): Path | undefined {
  const items = listed(lists, list);
  const item = items.find((each) => called(each, items) === of);
  return item !== undefined && items.some((each) => Object.hasOwn(each, field))
    ? placeOfItem(written, item)
    : undefined;
}

/** Parses a file as it is run with these variables. Offsets, in errors too, are those of the file. */
function parseFile(sql: string, vars: Variables): Statement[] | SqlSyntaxError | MissingVariable {
  const backslash = [...tokens(sql)].find(({ kind }) => kind === 'backslash');
  if (backslash) {
    return new SqlSyntaxError(
      sql,
      backslash.start,
      'psql commands (\\…) are not SQL; give values with `psql -v name=value -f` when running by hand',
    );
  }
  let filled: Rendered;
  try {
    filled = rendered(sql, vars);
  } catch (error) {
    if (error instanceof MissingVariable) return error;
    throw error;
  }
  try {
    return statements(filled.text).map((statement) => {
      parseBody(statement, filled.text);
      return { ...statement, offset: filled.origin(statement.offset) };
    });
  } catch (cause) {
    if (!(cause instanceof SqlSyntaxError)) throw cause;
    return new SqlSyntaxError(sql, filled.origin(cause.offset), cause.message, { cause });
  }
}

/** What is wrong with an SQL condition; undefined when nothing is. */
function conditionTrouble(condition: string, vars: Variables): string | undefined {
  try {
    const text = render(condition, vars);
    // Whole by itself as well as in brackets, or it would come apart when it is AND-ed.
    for (const whole of [`select where ${text}`, `select where (\n${text}\n)`]) {
      if (statements(whole).length !== 1) return 'is more than a condition';
    }
    return undefined;
  } catch (error) {
    if (error instanceof MissingVariable) return error.message;
    if (error instanceof SqlSyntaxError) return `is not a condition: ${error.message}`;
    throw error;
  }
}

/** What a file has to be, beyond SQL: one statement, statements for one transaction, an index built concurrently, policies. */
type Must = 'one' | 'transaction' | 'index' | 'policies';

function wanted(kind: StepKind, { use, path }: StepFile): Must {
  if (kind === 'index' && use === 'work') return 'index';
  if (kind === 'policies' && use === 'work') return 'policies';
  const one =
    use === 'look' ||
    use === 'export' ||
    kind === 'backfill' ||
    kind === 'measure' ||
    (kind === 'isolation' && ONE_OF_ISOLATION.has(String(path[0])));
  return one && use !== 'undo' ? 'one' : 'transaction';
}

/** The files of an isolation step that are one statement each; preparations and attacks may be several. */
const ONE_OF_ISOLATION = new Set(['hold', 'own', 'row', 'sample', 'samples', 'misplaced']);

/** Statements that PostgreSQL refuses inside a transaction, by node type. */
const ALONE = ['CreatedbStmt', 'DropdbStmt', 'AlterSystemStmt', 'CreateTableSpaceStmt', 'DropTableSpaceStmt'];

function unfit(found: Statement[], must: Must): { offset: number; message: string }[] {
  const [first, second] = found;
  if (first === undefined) return [{ offset: 0, message: 'holds no statement' }];
  const wrong = found.flatMap(({ offset, tree }) => {
    const message = unfitStatement(tree, must);
    return message === undefined ? [] : [{ offset, message }];
  });
  if (second !== undefined && (must === 'one' || must === 'index')) {
    wrong.push({ offset: second.offset, message: 'a second statement; this file is run as one' });
  }
  return wrong;
}

function unfitStatement(tree: Statement['tree'], must: Must): string | undefined {
  const concurrent =
    within(tree, 'IndexStmt', 'concurrent') === true || within(tree, 'DropStmt', 'concurrent') === true;
  if ('TransactionStmt' in tree) return 'the program begins and commits; take this statement out (by hand: psql -1)';
  if (must === 'index') {
    return 'IndexStmt' in tree && concurrent
      ? undefined
      : 'an index step needs CREATE INDEX CONCURRENTLY here, which blocks nobody';
  }
  if (must === 'policies' && !('CreatePolicyStmt' in tree))
    return 'a policies step needs CREATE POLICY here; what is there already, it drops itself';
  // ANALYZE is a VACUUM that is none, and may be part of a transaction.
  if (concurrent || within(tree, 'VacuumStmt', 'is_vacuumcmd') === true || ALONE.some((type) => type in tree))
    return 'cannot be run inside a transaction; an index step builds indexes concurrently';
  return undefined;
}
