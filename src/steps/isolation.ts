import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { PoolClient } from 'pg';
import { RETRYABLE, sqlState } from '../postgres/errors.ts';
import { itemsOf } from '../runbook/plan.ts';
import type { Item } from '../runbook/schema.ts';
import { variablesOf } from '../runbook/sql-file.ts';
import type { StepOf } from '../runbook/step-schema.ts';
import { type Actor, actorsOf } from './actors.ts';
import { attack, attackName, inTheirName, refused } from './attack.ts';
import { ExpectationFailed, type Kind } from './kind.ts';
import { query } from './query.ts';
import { rolledBack } from './rolled-back.ts';
import { findings, type Trial } from './trial.ts';
import { source, type World } from './world.ts';

type Isolation = StepOf<'isolation'>;

/** Leaks that are named in the message; the matrix shows them all. */
const NAMED = 5;
/** What stands for the table of an attack that is about none of the list. */
const BESIDES = '(besides)';
/** How often what was disturbed is tried before it counts as not tried, and the longest pause between, in ms. */
const ROUNDS = 30;
const MOST_PAUSE = 500;

/**
 * Proves who can see and change what, by trying: as real people, through the role and claims the application uses, in
 * transactions that are rolled back. Everybody must see all rows that are theirs and none that are not, and no attack may
 * come through. A table in which nobody has a row proves nothing, and is named.
 */
export const isolation: Kind<'isolation'> = {
  async perform(step, act, world) {
    const items = itemsOf(world.runbook, step.tables);
    const names = new Set(items.flatMap((item) => Object.keys(item)));
    const perTable = (path: string) => variablesOf(source(world, path).text).some(({ name }) => names.has(name));
    const attacks = step.attacks.filter(perTable);
    const besides = step.attacks.filter((path) => !perTable(path));

    const trials: Trial[] = [];
    let triedBesides = besides.length === 0;
    for (const [done, item] of items.entries()) {
      act.pulse({ done, total: items.length, unit: 'tables', note: item.name ?? '' });
      const found = await undisturbed(act.signal, (only) =>
        rolledBack(world, step, act, 'read write', async (client) => {
          const actors = await actorsOf(client, world, step.actors, step.role, item);
          const here = only ? [] : await look(client, step, world, item, actors);
          const vars = { ...world.runbook.document.settings, ...item };
          const attacked = await attackAll(client, world, actors, attacks, vars, item.name ?? '', only);
          const there = triedBesides ? NOTHING : await attackAll(client, world, actors, besides, vars, BESIDES, only);
          return {
            trials: [...here, ...attacked.trials, ...there.trials],
            disturbed: [...attacked.disturbed, ...there.disturbed],
          };
        }),
      );
      trials.push(...found);
      triedBesides ||= found.some(({ table }) => table === BESIDES);
    }
    act.pulse({ done: items.length, total: items.length, unit: 'tables' });

    const { leaks, unproved, matrix } = findings(trials);
    if (leaks.length > 0) {
      const more = leaks.length > NAMED ? `; and ${leaks.length - NAMED} more` : '';
      throw new ExpectationFailed(
        `Isolation does not hold: ${leaks.slice(0, NAMED).join('; ')}${more}.`,
        [matrix],
        'Nobody should use the application like this. Roll back, or mend the policies and triggers and retry.',
      );
    }
    const nothing = triedBesides ? [] : ['nobody was found to act as'];
    return {
      finished: {
        summary: `${trials.length} trials on ${items.length} tables: everybody sees what is theirs, and nothing else`,
        facts: { trials: trials.length, unproved: unproved.length },
        evidence: [matrix],
        exceptions: [...unproved, ...nothing],
      },
    };
  },
};

/** An attack that met another's lock or change, which proves nothing. */
type Disturbed = Pick<Trial, 'table' | 'actor' | 'tried'>;

interface Tried {
  trials: Trial[];
  disturbed: Disturbed[];
}

const NOTHING: Tried = { trials: [], disturbed: [] };

/**
 * Has everything tried, and what was disturbed tried again by itself, in a transaction that is over sooner: an application
 * that is at a row all the time leaves it alone for long enough at last. What it never did stays unproved.
 */
async function undisturbed(signal: AbortSignal, work: (only?: Disturbed[]) => Promise<Tried>): Promise<Trial[]> {
  let { trials, disturbed } = await work();
  for (let round = 1; disturbed.length > 0 && round < ROUNDS; round++) {
    await delay(Math.random() * Math.min(MOST_PAUSE, 10 * 2 ** round), undefined, { signal });
    const again = await work(disturbed);
    trials = [...trials, ...again.trials];
    disturbed = disturbed.filter(
      (each) => !again.trials.some(({ table, actor, tried }) => isDeepStrictEqual(each, { table, actor, tried })),
    );
  }
  const never = disturbed.map((each): Trial => ({ ...each, came: 'untried', said: 'somebody else was at its rows' }));
  return [...trials, ...never];
}

/** What one table shows to everybody. */
async function look(client: PoolClient, step: Isolation, world: World, item: Item, actors: Actor[]): Promise<Trial[]> {
  const table = item.name ?? '';
  const trials: Trial[] = [];
  let proved = false;
  for (const actor of actors) {
    const vars = { ...world.runbook.document.settings, ...item, ...actor.variables };
    const there = await counts(client, world, step.own, vars);
    const seen = await inTheirName(client, actor, async () => {
      try {
        return await counts(client, world, step.own, vars);
      } catch (error) {
        if (refused(error)) return { own: 0, foreign: 0 };
        throw error;
      }
    });
    proved ||= there.own > 0;
    const as = { table, actor: actor.label };
    trials.push(
      {
        ...as,
        tried: 'own rows',
        came: seen.own === there.own ? 'held' : 'leaked',
        said: `sees ${seen.own} of ${there.own}`,
        rows: seen.own,
      },
      { ...as, tried: "others' rows", came: seen.foreign === 0 ? 'held' : 'leaked', said: `${seen.foreign}` },
    );
  }
  if (!proved)
    trials.push({ table, actor: 'anybody', tried: 'own rows', came: 'untried', said: 'no row of theirs is here' });
  return trials;
}

/** @param only of these, no others */
async function attackAll(
  client: PoolClient,
  world: World,
  actors: Actor[],
  paths: string[],
  vars: Record<string, string>,
  table: string,
  only?: Disturbed[],
): Promise<Tried> {
  const found: Tried = { trials: [], disturbed: [] };
  for (const path of paths) {
    for (const actor of actors) {
      const which = { table, actor: actor.label, tried: attackName(path) };
      if (only && !only.some((each) => isDeepStrictEqual(each, which))) continue;
      try {
        found.trials.push(await attack(client, world, path, actor, vars, table));
      } catch (error) {
        if (!RETRYABLE.has(sqlState(error) ?? '')) throw error;
        found.disturbed.push(which);
      }
    }
  }
  return found;
}

/** Runs the counting query of a table as whoever the transaction acts as now. */
async function counts(client: PoolClient, world: World, path: string, vars: Record<string, string>) {
  const { columns, rows } = await query(client, world, path, vars);
  const value = (column: string) => {
    const text = rows[0]?.[columns.indexOf(column)];
    if (text === undefined) throw new Error(`${path} has to return one row with the columns own and foreign_rows.`);
    return Number(text);
  };
  return { own: value('own'), foreign: value('foreign_rows') };
}
