import type { PoolClient } from 'pg';
import { DatabaseError } from 'pg';
import { adviceFor, StatementFailed, worthRetry } from '../postgres/errors.ts';
import { tableOf, tablesBehind } from '../postgres/tables.ts';
import { render, statements } from '../runbook/sql-file.ts';
import type { StepOf } from '../runbook/step-schema.ts';
import { source, variables, type World } from './world.ts';

/**
 * Runs files of a step of SQL, in the transaction under way: once, or for each table behind the one its variables name.
 * @returns how many rows the statements touched or returned, in order
 * @throws what `runFile` and `tablesBehind` throw
 */
export async function runFiles(
  client: PoolClient,
  world: World,
  step: StepOf<'sql'>,
  files: string[],
): Promise<number[]> {
  const vars = variables(world, step.vars);
  const tables = step.each_partition ? await tablesBehind(client, tableOf(vars)) : [{}];
  const counts: number[] = [];
  for (const path of files) {
    for (const table of tables) counts.push(...(await runFile(client, world, path, { ...vars, ...table })));
  }
  return counts;
}

/**
 * Runs every statement of a file, one after the other, in the transaction under way.
 * @returns how many rows the statements touched or returned, in order
 * @throws StatementFailed with `file:line`; an error worth a retry comes through as it is
 */
export async function runFile(
  client: PoolClient,
  world: World,
  path: string,
  vars: Record<string, string>,
): Promise<number[]> {
  const counts: number[] = [];
  for (const { text, line } of statements(render(source(world, path).text, vars))) {
    try {
      const { rowCount } = await client.query(text);
      counts.push(rowCount ?? 0);
    } catch (cause) {
      throw located(path, line, text, cause);
    }
  }
  return counts;
}

/**
 * An error of a statement with the file and line it comes from, and what to do. One worth a retry, or that is not the
 * server's, stays as it is.
 * @param line where the statement begins in the file
 */
export function located(path: string, line: number, statement: string, cause: unknown): unknown {
  if (!(cause instanceof DatabaseError) || worthRetry(cause)) return cause;
  const inside = statement.slice(0, Number(cause.position ?? 1) - 1).split('\n').length - 1;
  const more = Object.entries({ Detail: cause.detail, Hint: cause.hint, Where: cause.where })
    .filter(([, said]) => said)
    .map(([name, said]) => ` ${name}: ${said?.replace(/\s*\n\s*/g, '; ')}.`.replace(/\.\.$/, '.'));
  return new StatementFailed(
    `${path}:${line + inside}: ${cause.message}.${more.join('')}`,
    adviceFor(cause.code) ?? 'Nothing of this transaction was kept. Mend what it says, then retry.',
    { cause },
  );
}
