import { escapeIdentifier, type PoolClient } from 'pg';
import { qualified } from '../../postgres/tables.ts';
import { ROW_COMMANDS, type RowCommand } from '../../runbook/target-steps.ts';
import type { Actor } from '../people/actors.ts';
import { type Attempt, attempt } from '../people/attempt.ts';
import { another, changeable, type Row, type Shape } from './row-at-hand.ts';
import type { Trial } from './trial.ts';

/** One row, and one person who tries what can be done with it. */
export interface Scene {
  client: PoolClient;
  shape: Shape;
  row: Row;
  actor: Actor;
  /** Values that make the row whose it is. */
  kept: Set<string>;
  /** It is their own: whatever they can do with it is no leak. */
  theirs: boolean;
}

type Verdict = Pick<Trial, 'came' | 'said'>;

/**
 * Counts the rows that the policies let through, and lets none of them through itself. Reads no column, which would bring in
 * the policies for SELECT; so the planner takes it to reveal nothing, and would put it before the policies if it were as
 * cheap as ten operators (order_qual_clauses in PostgreSQL's createplan.c). Making a tsvector counts as a hundred.
 */
const COUNTING =
  "to_tsvector('simple', set_config('middlewatch.reached', (current_setting('middlewatch.reached')::bigint + 1)::text, true)) is null";

/** How many rows a statement with the condition `COUNTING` came upon. Nothing is changed by it, and no row locked. */
async function cameUpon(client: PoolClient, statement: string): Promise<number> {
  await client.query("set local middlewatch.reached = '0'");
  await client.query(statement);
  const { rows } = await client.query<{ reached: string }>("select current_setting('middlewatch.reached') as reached");
  return Number(rows[0]?.reached);
}

/** A DELETE, and an UPDATE that reads no column, which only count. @param where a condition, with `and` behind it */
const deleting = ({ table }: Shape, where = '') => `delete from ${qualified(table)} where ${where}${COUNTING}`;
const changing = (shape: Shape, where = '') =>
  `update ${qualified(shape.table)} set ${escapeIdentifier(changeable(shape))} = default where ${where}${COUNTING}`;

/**
 * How many rows of the whole table the policies for a command let the person through to who reads no column. PostgreSQL
 * applies the policies for SELECT only when something is read, so this is as far as anybody gets.
 */
export function withinReach(
  client: PoolClient,
  shape: Shape,
  actor: Actor,
  command: 'update' | 'delete',
): Promise<Attempt> {
  return attempt(client, actor, () => cameUpon(client, command === 'delete' ? deleting(shape) : changing(shape)));
}

/**
 * Tries the four commands at the row. Who may, does it as an application would, with a condition that reads; only a delete
 * stops short of the row, for the sake of what hangs on it. Who may not, tries it without reading. What a role has no right
 * to on the whole table, no policy can take from it.
 */
export async function fourCommands(scene: Scene, may: RowCommand[]): Promise<(Verdict & { tried: RowCommand })[]> {
  const verdicts = [];
  for (const command of ROW_COMMANDS) {
    const allowed = may.includes(command) && scene.shape.granted.includes(command);
    const attempt = await tried(scene, command, allowed);
    verdicts.push({ tried: command, ...judged(attempt, allowed || (scene.theirs && gotThrough(attempt))) });
  }
  return verdicts;
}

const gotThrough = (attempt: Attempt) => attempt.came === 'reached' && attempt.rows > 0;

async function tried(scene: Scene, command: RowCommand, allowed: boolean): Promise<Attempt> {
  const { client, shape, row, actor } = scene;
  const table = qualified(shape.table);
  switch (command) {
    case 'select':
      return affected(scene, `select from ${table} where ${row.at}`);
    case 'insert':
      return asFarAsPolicies(shape, await inserting(scene, another(shape, row, scene.kept)));
    case 'update':
      return allowed ? updatingAsItIs(scene) : updating(scene, asItIs(scene));
    case 'delete':
      return allowed
        ? attempt(client, actor, () => cameUpon(client, deleting(shape, `${row.at} and `)))
        : affected(scene, `delete from ${table} where current of the_row`);
  }
}

/**
 * An INSERT that a constraint of the table stopped had come past its policies, which are asked first: so that nobody learns
 * of rows they may not see (ExecInsert in PostgreSQL's nodeModifyTable.c).
 */
function asFarAsPolicies({ parts }: Shape, attempt: Attempt): Attempt {
  if (attempt.came !== 'clumsy') return attempt;
  const { code, schema, table } = attempt.error;
  const stopped = code?.startsWith('23') && parts.some((part) => part.schema === schema && part.name === table);
  return stopped ? { came: 'reached', rows: 1 } : attempt;
}

/**
 * A row that a foreign key stopped because what it was given names nobody was let through: under the name of somebody who
 * exists it would stand.
 */
function asIfThere({ references }: Shape, given: ReadonlyMap<string, unknown>, attempt: Attempt): Attempt {
  if (attempt.came !== 'clumsy' || attempt.error.code !== '23503') return attempt;
  const column = references.get(attempt.error.constraint ?? '');
  return column !== undefined && given.has(column) ? { came: 'reached', rows: 1 } : attempt;
}

function affected({ client, actor }: Scene, text: string, values: (string | null)[] = []): Promise<Attempt> {
  return attempt(client, actor, async () => (await client.query(text, values)).rowCount ?? 0);
}

/** One column, and the value it has already. */
function asItIs({ shape, row }: Scene): Map<string, string | null> {
  const column = changeable(shape);
  return new Map([[column, row.values.get(column) ?? null]]);
}

/** An update that changes nothing, and comes to no row where a trigger sees to that; then the policies alone have to tell. */
function updatingAsItIs({ client, shape, row, actor }: Scene): Promise<Attempt> {
  const name = escapeIdentifier(changeable(shape));
  const text = `update ${qualified(shape.table)} set ${name} = ${name} where ${row.at}`;
  return attempt(client, actor, async () => {
    const { rowCount } = await client.query(text);
    return rowCount || cameUpon(client, changing(shape, `${row.at} and `));
  });
}

/** @param after how many rows what has been written came to; without it, as many as the statement says */
function writing(scene: Scene, text: string, values: (string | null)[], after?: () => Promise<number>) {
  const { client, actor } = scene;
  return attempt(client, actor, async () => {
    const { rowCount } = await client.query(text, values);
    return rowCount && after ? after() : (rowCount ?? 0);
  });
}

async function inserting(
  scene: Scene,
  values: Map<string, string | null>,
  after?: () => Promise<number>,
): Promise<Attempt> {
  const { client, shape, row } = scene;
  const names = [...values.keys()].map((name) => escapeIdentifier(name));
  const places = names.map((_, i) => `$${i + 1}`);
  const table = qualified(shape.table);
  const text = `insert into ${table} (${names.join(', ')}) values (${places.join(', ')})`;
  // Where the row is only a sample, it makes room for the one that is to be exactly like it.
  await client.query('savepoint room');
  try {
    if (row.sample) await client.query(`delete from ${table} where ${row.at}`);
    return await writing(scene, text, [...values.values()], after);
  } finally {
    await client.query('rollback to savepoint room; release savepoint room').catch(() => {});
  }
}

function updating(scene: Scene, values: Map<string, string | null>, after?: () => Promise<number>): Promise<Attempt> {
  const { shape } = scene;
  const sets = [...values.keys()].map((name, i) => `${escapeIdentifier(name)} = $${i + 1}`);
  const text = `update ${qualified(shape.table)} set ${sets.join(', ')} where current of the_row`;
  return writing(scene, text, [...values.values()], after);
}

/** Whether a row was written by the transaction under way: nobody else's row is to be seen while they are at work. */
const OURS = `case when age(xmin) <= 0 then
  pg_xact_status((
    pg_current_xact_id()::text::numeric - pg_current_xact_id()::text::numeric % 4294967296 + xmin::text::numeric
  )::text::xid8) = 'in progress' end`;

/**
 * Tries to give a new row, and this one, values that nobody may give it. What a trigger has put right again is no leak, so
 * whatever was let through is looked for, from above the policies.
 */
export async function misplacing(
  scene: Scene,
  values: Map<string, string | null>,
): Promise<(Verdict & { tried: string })[]> {
  const { client, shape, row, kept } = scene;
  const said = [...values].filter((pair): pair is [string, string] => pair[1] !== null);
  const standing = async () => {
    await client.query('reset role');
    const like = said.map(([name], i) => ` and ${escapeIdentifier(name)} = $${i + 1}`).join('');
    const found = `select from ${qualified(shape.table)} where ${OURS}${like}`;
    return (
      (
        await client.query(
          found,
          said.map(([, value]) => value),
        )
      ).rowCount ?? 0
    );
  };
  const as = said.map(([name, value]) => `${name} ${value}`).join(', ');
  const inserted = await inserting(scene, new Map([...another(shape, row, kept), ...values]), standing);
  const updated = await updating(scene, values, standing);
  return [
    { tried: 'misplaced insert', ...judged(asIfThere(shape, values, inserted), false, as) },
    { tried: 'misplaced update', ...judged(asIfThere(shape, values, updated), false, as) },
  ];
}

/** What an attempt shows, for somebody who may or may not. @param what says more of what was tried */
export function judged(attempt: Attempt, allowed: boolean, what?: string): Verdict {
  const say = (words: string) => (what === undefined ? words : `${what}: ${words}`);
  if (attempt.came === 'clumsy') return { came: 'unproved', said: say(attempt.error.message) };
  const { rows } = attempt.came === 'reached' ? attempt : { rows: 0 };
  if (rows > 0 === allowed) return { came: allowed ? 'may' : 'may not', said: '' };
  if (allowed) return { came: 'lost', said: say(attempt.came === 'refused' ? 'refused' : 'no row') };
  return { came: 'leak', said: say(rows === 1 ? 'got at 1 row' : `got at ${rows} rows`) };
}
