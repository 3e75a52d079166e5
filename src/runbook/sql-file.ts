import { hasSqlDetails, loadModule, parseSync } from '@libpg-query/parser';
import { escapeIdentifier, escapeLiteral } from 'pg';
import { didYouMean } from './nearest.ts';
import { type SqlToken, tokens } from './sql-lexer.ts';

await loadModule();

export type Variables = Record<string, string>;
type Variable = Extract<SqlToken, { kind: 'variable' }>;

/** SQL asks for a variable that it is not given. `offset` is where, in UTF-16 units. */
export class MissingVariable extends Error {
  readonly variable: string;
  readonly offset: number;
  constructor({ name, start }: Variable, names: string[]) {
    const known = names.length > 0 ? `known here: ${names.join(', ')}` : 'this step gives none';
    super(`the SQL asks for the variable '${name}', which has no value here (${known})${didYouMean(name, names)}`);
    this.name = 'MissingVariable';
    this.variable = name;
    this.offset = start;
  }
}

/** SQL that PostgreSQL's parser refuses. `line` and `column` count from 1, `offset` is in UTF-16 units. */
export class SqlSyntaxError extends Error {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
  constructor(sql: string, offset: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SqlSyntaxError';
    this.offset = offset;
    const before = sql.slice(0, offset).split('\n');
    this.line = before.length;
    this.column = [...(before.at(-1) ?? '')].length + 1;
  }
}

/** The psql variables of a text, in order. */
export function variablesOf(sql: string): Variable[] {
  return [...tokens(sql)].filter((token) => token.kind === 'variable');
}

function given(variable: Variable, vars: Variables): string {
  const value = Object.hasOwn(vars, variable.name) ? vars[variable.name] : undefined;
  if (value === undefined) throw new MissingVariable(variable, Object.keys(vars));
  return value;
}

function quoted(variable: Variable, vars: Variables): string {
  const value = given(variable, vars);
  if (variable.form === 'raw') return value;
  return variable.form === 'literal' ? escapeLiteral(value) : escapeIdentifier(value);
}

/** A filled-in text, and where in the original each place of it comes from. */
export interface Rendered {
  text: string;
  /** Takes an offset into `text` back to the original; inside a value, to the variable. */
  origin(offset: number): number;
}

/** Replaces each variable by what `value` gives for it. */
export function replaceVariables(sql: string, value: (variable: Variable) => string): Rendered {
  let text = '';
  let copied = 0;
  const filled: { from: number; to: number; variable: Variable }[] = [];
  for (const variable of variablesOf(sql)) {
    text += sql.slice(copied, variable.start);
    const from = text.length;
    text += value(variable);
    copied = variable.end;
    filled.push({ from, to: text.length, variable });
  }
  return {
    text: text + sql.slice(copied),
    origin(offset) {
      const last = filled.findLast((each) => each.from <= offset);
      if (last === undefined) return offset;
      return offset < last.to ? last.variable.start : last.variable.end + (offset - last.to);
    },
  };
}

/**
 * Fills psql's variables in as psql would: `:'name'` as a literal, `:"name"` as an identifier, `:name` as it stands, and
 * nothing inside strings, dollar quotes and comments. What is filled in is not looked at again.
 * @throws MissingVariable
 */
export function render(sql: string, vars: Variables): string {
  return replaceVariables(sql, (variable) => quoted(variable, vars)).text;
}

/**
 * Like `render`, but each `:'name'` becomes a parameter of its own, so that the server takes its type from where it stands.
 * @throws MissingVariable
 */
export function bind(sql: string, vars: Variables): { text: string; values: string[] } {
  const values: string[] = [];
  const { text } = replaceVariables(sql, (variable) => {
    if (variable.form !== 'literal') return quoted(variable, vars);
    return `$${values.push(given(variable, vars))}`;
  });
  return { text, values };
}

/** One statement; `line` and `offset` (UTF-16) of its first word in the text it was cut from. */
export interface Statement {
  text: string;
  line: number;
  offset: number;
}

/**
 * Cuts rendered SQL into statements with PostgreSQL's own parser, so that a body with semicolons stays whole.
 * @throws SqlSyntaxError
 */
export function statements(sql: string): Statement[] {
  return parsed(sql).map(({ statement }) => statement);
}

/** The statements of rendered SQL, each with its parse tree. @throws SqlSyntaxError */
export function parsed(sql: string): { statement: Statement; tree: Record<string, unknown> }[] {
  if (sql.trim() === '') return [];
  let result: ReturnType<typeof parseSync>;
  try {
    result = parseSync(sql);
  } catch (error) {
    const codePoints = hasSqlDetails(error) ? (error.sqlDetails?.cursorPosition ?? 0) : 0;
    const offset = [...sql].slice(0, codePoints).join('').length;
    throw new SqlSyntaxError(sql, offset, error instanceof Error ? error.message : String(error), { cause: error });
  }
  // Errors count characters, statements count bytes.
  const bytes = Buffer.from(sql);
  return (result.stmts ?? []).map(({ stmt, stmt_location = 0, stmt_len = 0 }) => {
    const whole = bytes.subarray(stmt_location, stmt_len === 0 ? undefined : stmt_location + stmt_len).toString();
    const first = [...tokens(whole)].find((token) => token.kind !== 'blank')?.start ?? 0;
    const offset = bytes.subarray(0, stmt_location).toString().length + first;
    const line = sql.slice(0, offset).split('\n').length;
    return { statement: { text: whole.slice(first).trimEnd(), line, offset }, tree: { ...stmt } };
  });
}
