import { setTimeout as delay } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { StatementFailed } from '../postgres/errors.ts';
import { tableOf } from '../postgres/tables.ts';
import type { Act } from '../run/performer.ts';
import { itemsOf } from '../runbook/plan.ts';
import type { Item } from '../runbook/schema.ts';
import { variablesOf } from '../runbook/sql-file.ts';
import { ROW_COMMANDS, type RowCommand, type StepOf } from '../runbook/step-schema.ts';
import { type Actor, actorsOf } from './actors.ts';
import { attack, attackName } from './attack.ts';
import { fourCommands, judged, misplacing } from './cells.ts';
import { countAs } from './count-as.ts';
import { ExpectationFailed, type Kind } from './kind.ts';
import { query } from './query.ts';
import { Busy, disturbed, rolledBack, takenBack } from './rolled-back.ts';
import { type Place, placementsOf, rowAt, type Shape, shapeOf } from './row-at-hand.ts';
import { runFile } from './run-file.ts';
import { BESIDES, findings, several, type Trial } from './trial.ts';
import { itemVariables, source, type World } from './world.ts';

type Isolation = StepOf<'isolation'>;

type Attack = Isolation['attacks'][number];

/** How often it is looked whether somebody has a row that nobody else holds, and the longest pause between, in ms. */
const LOOKS = 5;
const MOST_PAUSE = 100;

/** No row could be put there to be tried. */
class NoSample extends Error {}

/** One table of the list, and what has been found out about it before anything is tried. */
interface Table {
  item: Item;
  name: string;
  /** By what they are called in `may`. */
  actors: Map<string, Actor>;
  /** By role. */
  shapes: Map<string, Shape>;
  /** Whether any row is the first actor's. */
  owns: boolean;
}

/** What an act of the step is done with. */
interface Setting {
  step: Isolation;
  act: Act;
  world: World;
}

/**
 * Proves who can see and change what, by trying: every table, by every command, as real people, through the role and
 * claims the application uses, in short transactions that are rolled back (sequences may advance). Whatever somebody
 * reaches beyond what the runbook says is a leak and fails the step, and so does what they no longer reach; what could not
 * be proved fails it too, but may be accepted.
 */
export const isolation: Kind<'isolation'> = {
  async perform(step, act, world) {
    const setting = { step, act, world };
    const items = itemsOf(world.runbook, step.tables);
    const names = new Set(items.flatMap((item) => Object.keys(item)));
    const perTable = ({ file }: { file: string }) =>
      variablesOf(source(world, file).text).some(({ name }) => names.has(name));
    const attacks = Map.groupBy(step.attacks, perTable);

    const trials: Trial[] = [];
    let people = new Map<string, Actor>();
    for (const [done, item] of items.entries()) {
      act.pulse({ done, total: items.length, unit: 'tables', note: item.name ?? '' });
      const { table, trials: counted } = await look(setting, item);
      trials.push(...counted);
      const there = await rowIsThere(setting, table);
      for (const actor of Object.keys(step.may)) {
        trials.push(...(await tryOut(setting, table, actor, attacks.get(true) ?? [], there)));
      }
      if (table.actors.size > people.size) people = table.actors;
    }
    trials.push(...(await besides(setting, people, attacks.get(false) ?? [])));
    act.pulse({ done: items.length, total: items.length, unit: 'tables' });

    const { leaks, lost, unproved, facts, evidence } = findings(trials, Object.keys(step.may));
    if (leaks.length + lost.length > 0) {
      const also = unproved.length > 0 ? ` Not proved: ${several(unproved)}.` : '';
      throw new ExpectationFailed(
        [
          ...(leaks.length > 0 ? [`Isolation does not hold: ${several(leaks)}.`] : []),
          ...(lost.length > 0 ? [`Out of reach for those it belongs to: ${several(lost)}.`] : []),
        ].join(' ') + also,
        evidence,
        'Nobody should use the application like this. Roll back, or mend the policies and triggers and retry.',
      );
    }
    if (unproved.length > 0) {
      throw new ExpectationFailed(
        `Nothing leaked, but not everything is proved: ${several(unproved)}.`,
        evidence,
        'Give the runbook a sample row for these tables (`samples`), or accept it with the reason.',
      );
    }
    return {
      finished: {
        summary: `${facts.cells} cells of ${items.length} tables and ${facts.attacks} attacks: everybody reaches what is theirs, and nothing else`,
        facts,
        evidence,
      },
    };
  },
};

/** Finds the people of a table, and counts what each of them sees and reaches of the whole of it. */
function look({ step, act, world }: Setting, item: Item): Promise<{ table: Table; trials: Trial[] }> {
  return rolledBack(world, step, act, 'read write', async (client) => {
    const name = item.name ?? '';
    const found = await actorsOf(client, world, step.actors, step.role, item);
    const actors = new Map(found.map((actor) => [actor.label, actor]));
    const table: Table = { item, name, actors, shapes: new Map(), owns: false };
    const trials: Trial[] = [];
    for (const actor of actors.values()) {
      const shape = table.shapes.get(actor.role) ?? (await shapeOf(client, tableOf(item), actor.role));
      table.shapes.set(actor.role, shape);
      const vars = { ...itemVariables(world, item), ...actor.variables };
      const counted = await takenBack(client, async () => {
        await prepare(client, step, world, vars, actor);
        return countAs(client, world, step.own, vars, shape, actor, may(step, name, actor.label));
      });
      trials.push(...counted.trials.map((each) => ({ table: name, actor: actor.label, ...each })));
      if (actor.label === first(step)) table.owns = counted.own > 0;
    }
    return { table, trials };
  });
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
  const unproved = (said: string) => ROW_COMMANDS.map((tried): Trial => ({ ...as, tried, came: 'unproved', said }));
  const owner = table.actors.get(first(step));
  const actor = table.actors.get(label);
  const shape = table.shapes.get(actor?.role ?? '');
  if (owner === undefined || actor === undefined || shape === undefined) {
    return unproved(`nobody was found to act as ${actor === undefined ? label : first(step)}`);
  }
  const sample = step.samples[table.name] ?? (there ? undefined : step.sample);
  if (!there && sample === undefined) return unproved(`there is no row of ${first(step)} to try on`);
  try {
    return await rolledBack(world, step, act, 'read write', async (client) => {
      // First of all, so that no time goes by in which the row could change after the transaction's moment.
      const place = await placeOf(client, step, world, table, sample ?? step.row);
      if (place === undefined) throw new Busy(`All rows of ${first(step)} in ${table.name} are locked.`);
      const row = await rowAt(client, shape, place, sample !== undefined);
      const vars = { ...itemVariables(world, table.item), ...actor.variables };
      await prepare(client, step, world, vars, actor);
      const scene = { client, shape, row, actor, kept: new Set(Object.values(owner.variables)) };
      const found: Omit<Trial, 'table' | 'actor'>[] = await fourCommands(scene, may(step, table.name, label));
      for (const values of step.misplaced === undefined
        ? []
        : await placementsOf(client, world, step.misplaced, vars)) {
        found.push(...(await misplacing(scene, values)));
      }
      for (const { file } of attacks.filter(({ by }) => by.includes(label))) {
        found.push({
          tried: attackName(file),
          ...judged(await attack(client, world, file, actor, vars), false),
        });
      }
      return found.map((each) => ({ ...as, ...each }));
    });
  } catch (error) {
    if (disturbed(error)) return unproved('somebody else was at its rows all the time');
    if (error instanceof NoSample) return unproved(error.message);
    throw error;
  }
}

/** The attacks that are about no table of the list. */
async function besides({ step, act, world }: Setting, people: Map<string, Actor>, attacks: Attack[]): Promise<Trial[]> {
  const trials: Trial[] = [];
  for (const { file, by } of attacks) {
    for (const label of by) {
      const actor = people.get(label);
      const as = { table: BESIDES, actor: label, tried: attackName(file) };
      if (actor === undefined) {
        trials.push({ ...as, came: 'unproved', said: `nobody was found to act as ${label}` });
        continue;
      }
      const attempt = await rolledBack(world, step, act, 'read write', async (client) => {
        const vars = { ...world.runbook.document.settings, ...actor.variables };
        await prepare(client, step, world, vars, actor);
        return attack(client, world, file, actor, vars);
      });
      trials.push({ ...as, ...judged(attempt, false) });
    }
  }
  return trials;
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
async function prepare(client: PoolClient, step: Isolation, world: World, vars: Record<string, string>, actor: Actor) {
  const path = step.prepare[actor.label];
  if (path !== undefined) await runFile(client, world, path, vars);
}

/** Whose row is tried. */
const first = (step: Isolation): string => Object.keys(step.may)[0] ?? '';

const may = (step: Isolation, table: string, actor: string): RowCommand[] =>
  step.except[table]?.[actor] ?? step.may[actor] ?? [];
