import { setTimeout as delay } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { StatementFailed } from '../../postgres/errors.ts';
import { tableOf } from '../../postgres/tables.ts';
import type { Act } from '../../run/performer.ts';
import { called, itemsOf } from '../../runbook/plan.ts';
import type { Item } from '../../runbook/schema.ts';
import type { StepOf } from '../../runbook/step-schema.ts';
import { ROW_COMMANDS, type RowCommand } from '../../runbook/target-steps.ts';
import { type Actor, actorsOf } from '../people/actors.ts';
import { query } from '../query.ts';
import { Busy, disturbed, rolledBack, takenBack } from '../rolled-back.ts';
import { runFile } from '../run-file.ts';
import { itemVariables, type World } from '../world.ts';
import { attack, attackName } from './attack.ts';
import { fourCommands, judged, misplacing } from './cells.ts';
import { countAs } from './count-as.ts';
import { Changed, hold } from './hold.ts';
import { type Place, placementsOf, rowAt, type Shape, shapeOf } from './row-at-hand.ts';
import type { Trial } from './trial.ts';

export type Isolation = StepOf<'isolation'>;

export type Attack = Isolation['attacks'][number];

/** What an act of the step is done with. */
export interface Setting {
  step: Isolation;
  act: Act;
  world: World;
}

/** The people of a table, by what they are called in `may`. */
type Actors = Map<string, Actor>;

/** How often it is looked whether somebody has a row that nobody else holds, and the longest pause between, in ms. */
const LOOKS = 20;
const MOST_PAUSE = 100;

const DISTURBED = 'somebody else was at its rows all the time';

/** What of others was in the way, in words; undefined where it was nothing that passes. */
export function inPassing(error: unknown): string | undefined {
  if (disturbed(error)) return DISTURBED;
  return error instanceof Changed ? error.message : undefined;
}

/** No row could be put there to be tried. */
class NoSample extends Error {}

/** One table of the list, and what has been found out about it before anything is tried. */
interface Table {
  item: Item;
  name: string;
  actors: Actors;
  /** By role. */
  shapes: Map<string, Shape>;
  /** Whether any row is the first actor's. */
  owns: boolean;
}

/** Tries everything at one table of the list. @param attacks those that are about a table */
export async function tryTable(
  setting: Setting,
  item: Item,
  attacks: Attack[],
): Promise<{ actors: Actors; trials: Trial[] }> {
  const table = await find(setting, item);
  const trials = await count(setting, table);
  const there = await rowIsThere(setting, table);
  for (const actor of Object.keys(setting.step.may)) {
    trials.push(...(await tryOut(setting, table, actor, attacks, there)));
  }
  return { actors: table.actors, trials };
}

/** Finds the people of a table. */
export function find({ step, act, world }: Setting, item: Item): Promise<Table> {
  return rolledBack(world, step, act, 'read only', async (client) => {
    const found = await actorsOf(client, world, step.actors, step.role, item);
    const name = called(item, itemsOf(world.runbook, step.tables));
    const table: Table = { item, name, actors: new Map(), shapes: new Map(), owns: false };
    for (const actor of found.filter(({ label }) => Object.hasOwn(step.may, label))) {
      table.actors.set(actor.label, actor);
      if (!table.shapes.has(actor.role)) {
        table.shapes.set(actor.role, await shapeOf(client, tableOf(item), actor.role));
      }
    }
    return table;
  });
}

/** Counts what each of them sees and reaches of the whole of it. */
async function count({ step, act, world }: Setting, table: Table): Promise<Trial[]> {
  const trials: Trial[] = [];
  for (const actor of table.actors.values()) {
    const as = { table: table.name, actor: actor.label };
    const shape = table.shapes.get(actor.role);
    if (shape === undefined) continue;
    const vars = { ...itemVariables(world, table.item), ...actor.variables };
    try {
      const counted = await rolledBack(world, step, act, 'read write at one moment', async (client) => {
        // First of all, so that no time goes by in which they could change after the transaction's moment; all of which
        // sees them as they were then, so they need not be held for as long as it takes to count.
        await takenBack(client, () => hold(client, world, step.hold, vars));
        await prepare(client, step, world, vars, actor);
        return countAs(client, world, step.own, vars, shape, actor, may(step, table.name, actor.label));
      });
      trials.push(...counted.trials.map((each) => ({ ...as, ...each })));
      if (actor.label === first(step)) table.owns = counted.own > 0;
    } catch (error) {
      const said = inPassing(error);
      if (said === undefined) throw error;
      trials.push({ ...as, tried: 'select', came: 'unproved', said, passing: true });
    }
  }
  return trials;
}

/** Whether there is a row to try on, as far as can be seen in a moment: others may have them all locked. */
async function rowIsThere({ step, act, world }: Setting, table: Table): Promise<boolean> {
  for (let look = 0; table.owns && look < LOOKS; look++) {
    const found = await rolledBack(world, step, act, 'read write', (client) =>
      placeOf(client, step, world, table, step.row),
    );
    if (found !== undefined) return true;
    await delay(Math.random() * MOST_PAUSE, undefined, { signal: act.signal });
  }
  return false;
}

/** All that one person tries at one row of a table, in a transaction of its own: nobody waits for the row for long. */
async function tryOut(
  setting: Setting,
  table: Table,
  label: string,
  attacks: Attack[],
  there: boolean,
): Promise<Trial[]> {
  const { step, act, world } = setting;
  const as = { table: table.name, actor: label };
  const unproved = (said: string, more: Pick<Trial, 'passing'> = {}) =>
    ROW_COMMANDS.map((tried): Trial => ({ ...as, tried, came: 'unproved', said, ...more }));
  const owner = table.actors.get(first(step));
  const actor = table.actors.get(label);
  const shape = table.shapes.get(actor?.role ?? '');
  if (owner === undefined || actor === undefined || shape === undefined) {
    return unproved(`nobody was found to act as ${actor === undefined ? label : first(step)}`);
  }
  const sample = step.samples[table.name] ?? (there ? undefined : step.sample);
  if (!there && sample === undefined) {
    return table.owns
      ? unproved(DISTURBED, { passing: true })
      : unproved(`there is no row of ${first(step)} to try on`);
  }
  try {
    return await rolledBack(world, step, act, 'read write', async (client) => {
      const vars = { ...itemVariables(world, table.item), ...actor.variables };
      await hold(client, world, step.hold, { ...vars, ...owner.variables });
      if (actor !== owner) await hold(client, world, step.hold, vars);
      const place = await placeOf(client, step, world, table, sample ?? step.row);
      if (place === undefined) throw new Busy(`All rows of ${first(step)} in ${table.name} are locked.`);
      const row = await rowAt(client, shape, place, sample !== undefined);
      await prepare(client, step, world, vars, actor);
      const scene = {
        client,
        shape,
        row,
        actor,
        kept: new Set(Object.values(owner.variables)),
        theirs: actor === owner,
      };
      const found: Omit<Trial, 'table' | 'actor'>[] = await fourCommands(scene, may(step, table.name, label));
      const placements = step.misplaced === undefined ? [] : await placementsOf(client, world, step.misplaced, vars);
      for (const values of placements) found.push(...(await misplacing(scene, values)));
      for (const { file } of attacks.filter(({ by }) => by.includes(label))) {
        found.push({ tried: attackName(file), ...judged(await attack(client, world, file, actor, vars), false) });
      }
      return found.map((each) => ({ ...as, ...each }));
    });
  } catch (error) {
    const passing = inPassing(error);
    if (passing !== undefined) return unproved(passing, { passing: true });
    if (error instanceof NoSample) return unproved(error.message);
    throw error;
  }
}

/** Where the row stands that a file finds or inserts: one of the first actor's. */
async function placeOf(
  client: PoolClient,
  step: Isolation,
  world: World,
  table: Table,
  path: string,
): Promise<Place | undefined> {
  const vars = { ...itemVariables(world, table.item), ...table.actors.get(first(step))?.variables };
  const { columns, rows } = await query(client, world, path, vars).catch((error: unknown) => {
    const cause = error instanceof StatementFailed && path !== step.row ? error.cause : undefined;
    throw cause instanceof Error ? new NoSample(`${path} cannot put a row there to try on: ${cause.message}`) : error;
  });
  const [tableoid, ctid] = ['tableoid', 'ctid'].map((column) => columns.indexOf(column));
  if (tableoid === undefined || ctid === undefined || tableoid < 0 || ctid < 0)
    throw new Error(`${path} has to return the columns tableoid and ctid.`);
  const [row] = rows;
  return row && { tableoid: row[tableoid] ?? '', ctid: row[ctid] ?? '' };
}

/** What has to be so before somebody acts, done with the rights of the one who migrates. */
export async function prepare(
  client: PoolClient,
  step: Isolation,
  world: World,
  vars: Record<string, string>,
  actor: Actor,
) {
  const path = step.prepare[actor.label];
  if (path !== undefined) await runFile(client, world, path, vars);
}

/** Whose row is tried. */
const first = (step: Isolation): string => Object.keys(step.may)[0] ?? '';

const may = (step: Isolation, table: string, actor: string): RowCommand[] =>
  step.except[table]?.[actor] ?? step.may[actor] ?? [];
