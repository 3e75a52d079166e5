import { hasSqlDetails, loadModule, parseSync } from '@libpg-query/parser';
import { placeOf } from './problems.ts';
import { tokens } from './sql-lexer.ts';

await loadModule();

/** SQL that PostgreSQL's parser refuses. `line` and `column` count from 1, `offset` is in UTF-16 units. */
export class SqlSyntaxError extends Error {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
  constructor(sql: string, offset: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SqlSyntaxError';
    this.offset = offset;
    ({ line: this.line, column: this.column } = placeOf(sql, offset));
  }
}

/** A node of PostgreSQL's parse tree: one key, the name of its type. */
export type Tree = Record<string, unknown>;

/** One statement; `line` and `offset` (UTF-16) of its first word in the text it was cut from. */
export interface Statement {
  text: string;
  line: number;
  offset: number;
  tree: Tree;
}

/**
 * Cuts SQL without variables into statements, with PostgreSQL's own parser.
 * @throws SqlSyntaxError
 */
export function statements(sql: string): Statement[] {
  if (sql.trim() === '') return [];
  let result: ReturnType<typeof parseSync>;
  try {
    result = parseSync(sql);
  } catch (error) {
    const characters = hasSqlDetails(error) ? (error.sqlDetails?.cursorPosition ?? 0) : 0;
    const offset = [...sql].slice(0, characters).join('').length;
    throw new SqlSyntaxError(sql, offset, error instanceof Error ? error.message : String(error), { cause: error });
  }
  // Errors count characters, statements count bytes.
  const bytes = Buffer.from(sql);
  return (result.stmts ?? []).map(({ stmt, stmt_location: from = 0, stmt_len: length = 0 }) => {
    const whole = bytes.subarray(from, length === 0 ? undefined : from + length).toString();
    const blank = [...tokens(whole)].find((token) => token.kind !== 'blank')?.start ?? 0;
    const offset = bytes.subarray(0, from).toString().length + blank;
    return { text: whole.slice(blank).trimEnd(), line: placeOf(sql, offset).line, offset, tree: { ...stmt } };
  });
}

/** A part of a parse tree, by the names of its nodes and fields; undefined when there is no such part. */
export function within(tree: unknown, ...path: (string | number)[]): unknown {
  let part = tree;
  for (const key of path) part = typeof part === 'object' && part !== null ? Reflect.get(part, key) : undefined;
  return part;
}

/**
 * The names of the columns a query returns, as far as the text tells: undefined when it says `*` or is no query.
 */
export function columnsOf(sql: string): string[] | undefined {
  let select = within(statements(sql).at(-1)?.tree, 'SelectStmt');
  while (within(select, 'larg') !== undefined) select = within(select, 'larg');
  const targets = within(select, 'targetList');
  if (!Array.isArray(targets)) return undefined;
  const names = targets.map((target: unknown) => {
    const fields = within(target, 'ResTarget', 'val', 'ColumnRef', 'fields');
    const last: unknown = Array.isArray(fields) ? fields.at(-1) : undefined;
    return within(target, 'ResTarget', 'name') ?? within(last, 'String', 'sval');
  });
  return names.every((name) => typeof name === 'string') ? names : undefined;
}
