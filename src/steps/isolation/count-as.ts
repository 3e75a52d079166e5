import type { PoolClient } from 'pg';
import { ask, type Table } from '../../postgres/ask.ts';
import { bind } from '../../runbook/sql-file.ts';
import type { RowCommand } from '../../runbook/target-steps.ts';
import { rowsOf } from '../expectation.ts';
import type { Actor } from '../people/actors.ts';
import { attempt } from '../people/attempt.ts';
import { query } from '../query.ts';
import { source, type World } from '../world.ts';
import { withinReach } from './cells.ts';
import type { Shape } from './row-at-hand.ts';
import type { Trial } from './trial.ts';

type Counted = Omit<Trial, 'table' | 'actor'>;

/**
 * Counts what somebody sees of a whole table, and how far they get with UPDATE and DELETE: no row may be within reach that
 * is not theirs, and whoever may look sees all that are.
 * @param path counts rows as (own, foreign_rows), for whoever runs it
 * @returns what was wrong, and how many rows are theirs
 */
export async function countAs(
  client: PoolClient,
  world: World,
  path: string,
  vars: Record<string, string>,
  shape: Shape,
  actor: Actor,
  may: RowCommand[],
): Promise<{ own: number; trials: Counted[] }> {
  const { own } = counts(path, await query(client, world, path, vars));
  const trials: Counted[] = [];

  let seen = { own: 0, foreign: 0 };
  const looking = await attempt(client, actor, async () => {
    const { text, values } = bind(source(world, path).text, vars);
    seen = counts(path, await ask(client, text, values));
    return seen.foreign;
  });
  if (looking.came === 'clumsy') trials.push({ tried: 'select', came: 'unproved', said: looking.error.message });
  if (seen.foreign > 0) trials.push({ tried: 'select', came: 'leak', said: `sees ${rowsOf(seen.foreign)} of others` });
  if (may.includes('select') && shape.granted.includes('select') && seen.own !== own)
    trials.push({ tried: 'select', came: 'lost', said: `sees ${seen.own} of ${own}` });

  for (const command of ['update', 'delete'] as const) {
    const reach = await withinReach(client, shape, actor, command);
    if (reach.came === 'clumsy') trials.push({ tried: command, came: 'unproved', said: reach.error.message });
    if (reach.came === 'reached' && reach.rows > own)
      trials.push({ tried: command, came: 'leak', said: `reaches ${rowsOf(reach.rows)}, ${own} of them theirs` });
  }
  return { own, trials };
}

function counts(path: string, { columns, rows }: Table): { own: number; foreign: number } {
  const value = (column: string) => {
    const text = rows[0]?.[columns.indexOf(column)];
    if (text === undefined) throw new Error(`${path} has to return one row with the columns own and foreign_rows.`);
    return Number(text);
  };
  return { own: value('own'), foreign: value('foreign_rows') };
}
