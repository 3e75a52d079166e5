import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { inventory } from '../../src/postgres/catalog.ts';
import { comparedColumns } from '../../src/postgres/row-sums.ts';
import { qualified, tableOf } from '../../src/postgres/tables.ts';
import type { Result } from '../../src/run/events.ts';
import type { Act } from '../../src/run/performer.ts';
import { redactor } from '../../src/run/redact.ts';
import { PENDING, type RunState } from '../../src/run/state.ts';
import { undosDue } from '../../src/run/undo.ts';
import { planRunbook, type Runbook } from '../../src/runbook/plan.ts';
import type { Item } from '../../src/runbook/schema.ts';
import { parseRunbook, readSources } from '../../src/runbook/sources.ts';
import { render } from '../../src/runbook/sql-file.ts';
import type { Step } from '../../src/runbook/step-schema.ts';
import { openPerformer } from '../../src/steps/performer.ts';

const FILE = fileURLToPath(new URL('../../runbook.yaml', import.meta.url));

/** The flagship at work on a database, without a conductor: the test says which steps, in which order. */
export interface Flagship extends AsyncDisposable {
  runbook: Runbook;
  /** The folder for what undos would destroy; gone when it is closed. */
  exports: string;
  /** Performs the steps of these ids, each with all its repetitions. @returns what the last one came to */
  perform(...ids: string[]): Promise<Result>;
  /** Takes back what was performed so far, last one first; all of it unless told. @returns how many steps that were */
  undo(most?: number): Promise<number>;
  /** A file of the flagship with its variables filled in. */
  sql(path: string, vars?: Record<string, string>): string;
  close(): Promise<void>;
}

/** The flagship's document as it comes with the program. */
export const flagshipRunbook = async (): Promise<Runbook> => parseRunbook(await readSources(FILE));

/** The table of people of every legacy database here. */
export const PROFILES: Item = { name: 'profiles', schema: 'public', owner: 'id', key: 'id' };

/** The document as a team edits it for a database of their own: its tables, and the column tenants are named after. */
export async function editedRunbook(tables: Item[], label: string): Promise<Runbook> {
  const { document, sources } = await flagshipRunbook();
  const secured = [{ ...PROFILES, policies: 'sql/policies/profiles.sql' }, ...tables];
  const lists = { profiles: [PROFILES], tables, secured };
  const settings = { ...document.settings, profile_label: label };
  const schemas = [...new Set(secured.flatMap(({ schema }) => schema ?? []))];
  return planRunbook({ ...document, lists, settings, target: { schemas } }, sources);
}

/** Every row of the legacy columns of these tables, and everything the catalog has. */
export async function everything(client: pg.Client, tables: Item[]): Promise<{ catalog: string[]; rows: unknown }> {
  const rows: unknown[] = [];
  for (const table of tables) {
    const columns = await comparedColumns(client, tableOf(table), ['tenant_id']);
    const { rows: all } = await client.query(
      `select row(${columns.map(pg.escapeIdentifier).join(', ')})::text as row from ${qualified(tableOf(table))} order by 1`,
    );
    rows.push(all);
  }
  const { rows: schemas } = await client.query<{ name: string }>(
    "select nspname as name from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'middlewatch')",
  );
  const names = schemas.map(({ name }) => name);
  return { rows, catalog: await tried(client, () => inventory(client as pg.PoolClient, names)) };
}

/**
 * @param choices what people have decided, by the decision's id
 * @param as the run and the conductor's token; a run of its own unless told, for which nothing has been done yet
 */
export async function openFlagship(
  env: Record<string, string>,
  choices: Record<string, string> = {},
  changed?: Runbook,
  { run, token }: { run: string; token: number } = { run: randomUUID(), token: 1 },
): Promise<Flagship> {
  const runbook = changed ?? (await flagshipRunbook());
  const exports = await mkdtemp(join(tmpdir(), 'middlewatch-test-'));
  const performer = openPerformer({ runbook, env, redactor: redactor(env), exports });
  const close = async () => {
    await performer.close();
    await rm(exports, { recursive: true });
  };
  await performer.bind(run, token, 'journal');
  const prompts = Object.entries(choices).map(([step, choose]) => ({ prompt: { step }, settled: { choose } }));
  let state = { steps: {}, prompts, messages: {}, watches: {}, rollback: null, target: null } as unknown as RunState;
  const put = (step: Step, more: Partial<RunState['steps'][string]>) => {
    state = { ...state, steps: { ...state.steps, [step.id]: { ...PENDING, attempt: 1, ...more } } };
  };
  const act: Act = {
    attempt: 1,
    token,
    signal: new AbortController().signal,
    control: { paused: false, speed: 1, workers: null },
    clock: { now: () => Date.now(), until: () => Promise.resolve() },
    state: () => state,
    pulse: () => undefined,
    sample: () => Promise.resolve(),
    program: async () => undefined,
    note: () => Promise.resolve(),
    failsNow: () => false,
  };
  const named = (id: string): Step[] => {
    const steps = runbook.activities.flatMap((activity) => activity.steps);
    const found = steps.filter((step) => step.id === id || step.id.startsWith(`${id}.`));
    if (found.length === 0) throw new Error(`The flagship has no step ${id}.`);
    return found;
  };
  const perform: Flagship['perform'] = async (...ids) => {
    let result: Result = { summary: '' };
    for (const step of ids.flatMap(named)) {
      // What was decided holds for what the decision has shown.
      if (step.kind === 'policies' && step.unexpected !== undefined && state.steps[step.unexpected] === undefined) {
        await perform(step.unexpected);
      }
      const performed = await performer.perform(step, act);
      result = 'finished' in performed ? performed.finished : performed.asks;
      put(step, { status: 'done', result });
    }
    return result;
  };
  return {
    runbook,
    perform,
    async undo(most = Number.POSITIVE_INFINITY) {
      const due = undosDue(runbook, state).slice(0, most);
      for (const step of due) {
        await performer.undo(step, act);
        put(step, { status: 'undone' });
      }
      return due.length;
    },
    sql: (path, vars) => sqlOf(runbook, path, vars),
    exports,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A file of a runbook with its variables filled in. */
export function sqlOf({ sources }: Runbook, path: string, vars: Record<string, string> = {}): string {
  const text = sources.files[path]?.text;
  if (text === undefined) throw new Error(`The runbook has no file ${path}.`);
  return render(text, vars);
}

/** Variables of a table of the flagship's lists. */
export const of = (name: string): Record<string, string> => ({ schema: 'public', name, owner: 'org_id', key: 'id' });

/** Runs the work in a transaction that is rolled back, whatever comes of it. */
export async function tried<T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    return await work();
  } finally {
    await client.query('rollback');
  }
}

/** From here to the end of the transaction, whoever asks is this user of the application. */
export async function signIn(client: pg.Client, user: string): Promise<void> {
  await client.query('set local role authenticated');
  const claims = JSON.stringify({ sub: user, role: 'authenticated' });
  await client.query("select set_config('request.jwt.claims', $1, true)", [claims]);
}

/** SQLSTATE of what the statement fails with, the transaction being usable afterwards; undefined when it does not fail. */
export async function refusal(client: pg.Client, sql: string, values: unknown[] = []): Promise<string | undefined> {
  await client.query('savepoint before');
  try {
    await client.query(sql, values);
    return undefined;
  } catch (error) {
    return (error as pg.DatabaseError).code;
  } finally {
    await client.query('rollback to before');
  }
}

/** First column of the first row. */
export async function value(client: pg.Client | pg.Pool, sql: string, values: unknown[] = []): Promise<unknown> {
  const { rows } = await client.query({ text: sql, values, rowMode: 'array' });
  return (rows as unknown[][])[0]?.[0];
}

/** What a query finds, each row as one text. */
export async function texts(client: pg.ClientBase, sql: string): Promise<string[]> {
  const { rows } = await client.query({ text: sql, rowMode: 'array' });
  return rows.map((row: unknown[]) => row.join(' | '));
}

/** The tenant of a user. */
export const tenantOf = (client: pg.Client, user: string): Promise<unknown> =>
  value(client, 'select tenant_id from profiles where id = $1', [user]);
