import type { Pool, PoolClient } from 'pg';
import type { Table } from '../postgres/ask.ts';
import type { Environment } from '../postgres/coordinates.ts';
import { type TransactionOptions, transaction } from '../postgres/transaction.ts';
import { type Act, RehearsedFailure } from '../run/performer.ts';
import type { Redactor } from '../run/redact.ts';
import type { Runbook } from '../runbook/plan.ts';
import type { Item, SourceFile } from '../runbook/schema.ts';
import type { Step } from '../runbook/step-schema.ts';
import { asJson, fill, placeholders } from '../runbook/template.ts';

/** What steps work on. What changes from act to act (token, signal, state) is in `Act`. */
export interface World {
  readonly runbook: Runbook;
  readonly run: string;
  /** The target. As many connections as the busiest step needs, and some to look on with. */
  readonly pool: Pool;
  readonly env: Environment;
  readonly redactor: Redactor;
  /** The folder for what is kept of rows before an undo destroys them. */
  readonly exports: string;
}

/** What texts of the runbook are filled from; enough for what touches no database. */
export type Words = Pick<World, 'runbook' | 'env' | 'redactor'>;

/**
 * A text of the runbook at the very moment it is acted on: settings and secrets of the environment filled in. The secrets
 * are told to the redactor first; the result goes nowhere but into the act.
 * @param more names known only to this act
 * @throws UnknownPlaceholder
 */
export function filled(world: Words, text: string, more: Record<string, string> = {}): string {
  const { settings, lists } = world.runbook.document;
  const env: Record<string, string> = {};
  for (const path of placeholders(text)) {
    const name = path.startsWith('env.') ? path.slice('env.'.length) : '';
    const value = world.env[name];
    if (value === undefined) continue;
    env[name] = value;
    world.redactor.hide(value);
  }
  return fill(text, { ...more, settings, env, lists: asJson(lists) });
}

/** A text of the runbook as it is shown: settings filled in, secrets still by their names. */
export function shown(world: Words, text: string): string {
  return fill(text, { settings: world.runbook.document.settings }, 'keep');
}

/** The psql variables of a step's SQL: every setting, over them the item's fields, and over both its own `vars`. */
export function variables(world: World, vars: Record<string, string>, item: Item = {}): Record<string, string> {
  const own = Object.entries(vars).map(([name, value]) => [name, filled(world, value)] as const);
  return { ...world.runbook.document.settings, ...item, ...Object.fromEntries(own) };
}

/** The psql variables of a step's SQL for one item of its list: every setting, and the item's fields, which win. */
export function itemVariables(world: World, item: Item): Record<string, string> {
  return { ...world.runbook.document.settings, ...item };
}

/** A file the runbook names, as pinned when the run opened. */
export function source(world: World, path: string): SourceFile {
  const file = world.runbook.sources.files[path];
  if (file === undefined) throw new Error(`${path} is not among the files this run was opened with.`);
  return file;
}

/**
 * One transaction of a step: fenced, with the step's timeout on each statement, cancelled with the act, and recorded in
 * the ledger under `part` with what the work returned. Throws what `transaction` throws.
 */
export function commit<T>(
  world: World,
  step: Step,
  act: Act,
  part: string,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  return transaction(
    {
      ...terms(world, step, act),
      entry: { run: world.run, step: step.id, part, attempt: act.attempt },
      onDisturbed: (tries, inTheWay) => act.pulse({ ...tries, unit: 'tries', note: waitingFor(inTheWay) }),
    },
    async (client) => {
      const result = await work(client);
      if (act.failsNow()) throw new RehearsedFailure();
      return result;
    },
  );
}

/** Who is in the way, as far as it has been seen: the one whose transaction is the oldest. */
function waitingFor(inTheWay: Table | undefined): string {
  const [first] = inTheWay?.rows ?? [];
  if (inTheWay === undefined || first === undefined) return 'others are at it; it is tried again';
  const who = inTheWay.columns.map((column, i) => `${column} ${first[i]}`).join(', ');
  return `a lock is held: ${who}`;
}

/** What every transaction of a step has in common. */
export function terms(world: World, step: Step, act: Act): TransactionOptions {
  return {
    pool: world.pool,
    fence: { run: world.run, token: act.token },
    signal: act.signal,
    statementTimeout: step.timeout,
  };
}
