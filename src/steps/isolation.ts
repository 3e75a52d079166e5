import type { PoolClient } from 'pg';
import { itemsOf } from '../runbook/plan.ts';
import type { Item } from '../runbook/schema.ts';
import { variablesOf } from '../runbook/sql-file.ts';
import type { StepOf } from '../runbook/step-schema.ts';
import { type Actor, actorsOf } from './actors.ts';
import { attack, inTheirName, refused } from './attack.ts';
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
      const found = await rolledBack(world, step, act, 'read write', async (client) => {
        const actors = await actorsOf(client, world, step.actors, step.role, item);
        const here = await tryTable(client, step, world, item, actors, attacks);
        const there = triedBesides ? [] : await tryAll(client, world, actors, besides, {}, BESIDES);
        return { here, there };
      });
      trials.push(...found.here, ...found.there);
      triedBesides ||= found.there.length > 0;
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

/** What one table shows to everybody, and what it lets them do. */
async function tryTable(
  client: PoolClient,
  step: Isolation,
  world: World,
  item: Item,
  actors: Actor[],
  attacks: string[],
): Promise<Trial[]> {
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
  return [...trials, ...(await tryAll(client, world, actors, attacks, item, table))];
}

async function tryAll(
  client: PoolClient,
  world: World,
  actors: Actor[],
  paths: string[],
  item: Item,
  table: string,
): Promise<Trial[]> {
  const trials: Trial[] = [];
  const vars = { ...world.runbook.document.settings, ...item };
  for (const path of paths) {
    for (const actor of actors) trials.push(await attack(client, world, path, actor, vars, table));
  }
  return trials;
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
