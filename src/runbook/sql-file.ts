import { escapeIdentifier, escapeLiteral } from 'pg';
import { didYouMean } from './nearest.ts';
import { type SqlToken, tokens } from './sql-lexer.ts';

export { SqlSyntaxError, type Statement, statements } from './sql-parser.ts';

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

/** Like `render`, with the way back from the result to the original. @throws MissingVariable */
export function rendered(sql: string, vars: Variables): Rendered {
  return replaceVariables(sql, (variable) => quoted(variable, vars));
}

/**
 * Fills psql's variables in as psql would: `:'name'` as a literal, `:"name"` as an identifier, `:name` as it stands, and
 * nothing inside strings, dollar quotes and comments. What is filled in is not looked at again.
 * @throws MissingVariable
 */
export function render(sql: string, vars: Variables): string {
  return rendered(sql, vars).text;
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
