import type { PoolClient } from 'pg';
import { ask } from '../postgres/ask.ts';
import { sqlState } from '../postgres/errors.ts';
import { inWords } from '../runbook/lock-modes.ts';
import { announce } from '../runbook/locks.ts';
import type { Statement } from '../runbook/sql-file.ts';

/** Whether a database knows everything that a statement names. `later`: an earlier step makes what is missing. */
export type Resolution = { found: 'all' | 'later' } | { found: 'wrong'; why: string };

/** Statements that PREPARE takes: their names and types are looked up, and nothing is done. */
const PREPARED = ['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'];

/**
 * Looks up what a statement names, in the transaction under way, and does nothing: queries and changes of rows are
 * prepared, of others the tables are looked for; a DO block sees to itself what is there. Leaves no lock behind.
 * @param made names of what the runbook's own steps make
 */
export async function resolve(
  client: PoolClient,
  { text, tree }: Pick<Statement, 'text' | 'tree'>,
  made: ReadonlySet<string>,
): Promise<Resolution> {
  if ('DoStmt' in tree) return { found: 'all' };
  const missing = PREPARED.some((type) => type in tree)
    ? await prepared(client, text)
    : await lookedFor(
        client,
        announce({ tree }).locks.flatMap(({ on }) => (inWords(on) ? [] : [on])),
      );
  if (missing === undefined) return { found: 'all' };
  const words = new Set(missing.match(/[\w$]+/g) ?? []);
  const later = [...made, 'middlewatch'].some((name) => words.has(name) || missing.includes(`"${name}"`));
  return later ? { found: 'later' } : { found: 'wrong', why: missing };
}

async function prepared(client: PoolClient, text: string): Promise<string | undefined> {
  await client.query('savepoint looked');
  try {
    await client.query(`prepare middlewatch_look as ${text}`);
    await client.query('deallocate middlewatch_look');
    return undefined;
  } catch (error) {
    // Everything it names was found by then; the parameter is one of a statement beside it in the file.
    if (sqlState(error) === '42P18') return undefined;
    // Something that it names is not there, or not so: class 42, schemas, and what cannot be done with a view.
    if (error instanceof Error && /^42|^3F000|^0A000/.test(sqlState(error) ?? '')) return error.message;
    throw error;
  } finally {
    await client.query('rollback to looked');
  }
}

async function lookedFor(client: PoolClient, tables: string[]): Promise<string | undefined> {
  // A table of public is announced by its name alone, and need not be in anybody's search path.
  const { rows: before } = await ask(client, "select current_setting('search_path')", []);
  const path = before[0]?.[0] ?? '';
  const setPath = "select set_config('search_path', $1, true)";
  await ask(client, setPath, [path === '' ? 'public' : `${path}, public`]);
  const { rows } = await ask(
    client,
    'select name from unnest($1::text[]) as name where pg_catalog.to_regclass(name) is null',
    [tables],
  );
  await ask(client, setPath, [path]);
  const names = rows.map(([name]) => name);
  return names.length === 0 ? undefined : `there is no table ${names.join(', ')}`;
}
