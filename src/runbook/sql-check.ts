import { dirname, join } from 'node:path';
import type { Outline } from './outline.ts';
import { repeated } from './plan.ts';
import { parseBody } from './plpgsql.ts';
import { asTyped, type Problem, placeOf } from './problems.ts';
import type { Sources } from './schema.ts';
import { MissingVariable, rendered, type Variables } from './sql-file.ts';
import { tokens } from './sql-lexer.ts';
import { SqlSyntaxError, type Statement, statements, within } from './sql-parser.ts';
import { type StepFile, stepFiles } from './step-files.ts';
import type { StepKind } from './step-schema.ts';
import type { YamlText } from './yaml-text.ts';

export interface SqlFindings {
  problems: Problem[];
  /** How many statements were parsed, each file counted once. */
  statements: number;
}

/** Reads every SQL file as each step would run it, with PostgreSQL's own parsers, bodies of functions included. */
export function checkSql(
  sources: Sources,
  { steps, audiences, lists, settings }: Outline,
  yaml: YamlText,
): SqlFindings {
  const problems: Problem[] = [];
  const counted = new Map<string, number>();
  const text = (file: string) => sources.files[file]?.text ?? '';
  const read = (
    named: { file: string; vars: Variables },
    must: Must | undefined,
    missing: (words: string) => Problem,
  ) => {
    const source = sources.files[named.file];
    if (source === undefined) return;
    const shown = asTyped(join(dirname(sources.yaml.path), named.file));
    const at = (offset: number, message: string): Problem => ({
      file: shown,
      ...placeOf(source.text, offset),
      message,
    });
    try {
      const found = parseFile(source.text, named.vars);
      counted.set(named.file, found.length);
      for (const { offset, message } of unfit(found, must)) problems.push(at(offset, message));
    } catch (error) {
      if (error instanceof MissingVariable) {
        problems.push(missing(`${named.file}:${placeOf(source.text, error.offset).line}: ${error.message}`));
      } else if (error instanceof SqlSyntaxError) problems.push(at(error.offset, error.message));
      else throw error;
    }
  };
  for (const { path, value } of steps) {
    for (const step of repeated(value, lists)) {
      for (const used of stepFiles(step, { settings, lists, text })) {
        read(used, wanted(step.kind, used), (words) => yaml.at([...path, ...used.path], words));
      }
    }
  }
  for (const { path, value } of audiences) {
    if (value.sql !== undefined)
      read({ file: value.sql, vars: settings }, 'one', (words) => yaml.at([...path, 'sql'], words));
  }
  return { problems, statements: [...counted.values()].reduce((sum, count) => sum + count, 0) };
}

/** Parses a file as it is run with these variables. Offsets are those of the file. @throws SqlSyntaxError, MissingVariable */
function parseFile(sql: string, vars: Variables): Statement[] {
  const backslash = [...tokens(sql)].find(({ kind }) => kind === 'backslash');
  if (backslash) {
    throw new SqlSyntaxError(
      sql,
      backslash.start,
      'psql commands (\\…) are not SQL; give values with `psql -v name=value -f` when running by hand',
    );
  }
  const { text, origin } = rendered(sql, vars);
  try {
    const found = statements(text);
    for (const statement of found) {
      try {
        parseBody(statement);
      } catch (error) {
        if (error instanceof SqlSyntaxError)
          throw new SqlSyntaxError(text, statement.offset + error.offset, error.message, { cause: error });
        throw error;
      }
    }
    return found.map((statement) => ({ ...statement, offset: origin(statement.offset) }));
  } catch (error) {
    if (error instanceof SqlSyntaxError)
      throw new SqlSyntaxError(sql, origin(error.offset), error.message, { cause: error });
    throw error;
  }
}

/** What a file has to be, beyond SQL: one statement, statements for one transaction, an index built concurrently, policies. */
type Must = 'one' | 'transaction' | 'index' | 'policies';

function wanted(kind: StepKind, { use, path }: StepFile): Must {
  if (kind === 'index' && use === 'work') return 'index';
  if (kind === 'policies' && use === 'work') return 'policies';
  const one =
    use === 'look' || kind === 'backfill' || kind === 'measure' || (kind === 'isolation' && path[0] === 'own');
  return one && use !== 'undo' ? 'one' : 'transaction';
}

/** Statements that PostgreSQL refuses inside a transaction, by node type. */
const ALONE = [
  'VacuumStmt',
  'CreatedbStmt',
  'DropdbStmt',
  'AlterSystemStmt',
  'CreateTableSpaceStmt',
  'DropTableSpaceStmt',
];

function unfit(found: Statement[], must: Must | undefined): { offset: number; message: string }[] {
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

function unfitStatement(tree: Statement['tree'], must: Must | undefined): string | undefined {
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
  if (concurrent || ALONE.some((type) => type in tree))
    return 'cannot be run inside a transaction; an index step builds indexes concurrently';
  return undefined;
}
