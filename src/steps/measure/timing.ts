import { DatabaseError, type PoolClient } from 'pg';
import { connectionLost, worthRetry } from '../../postgres/errors.ts';
import type { Item } from '../../runbook/schema.ts';
import type { StepOf } from '../../runbook/step-schema.ts';
import type { Actor } from '../people/actors.ts';
import { inTheirName } from '../people/attempt.ts';
import type { World } from '../world.ts';
import { type Explained, explained } from './explained.ts';

type Measure = StepOf<'measure'>;
export type Query = Measure['queries'][number];

/** A query that has taken this long in all, in ms, is not asked more often than it takes for a median. */
const ENOUGH_MS = 2_000;
const FEWEST_RUNS = 3;

/** How one query went as one person, over all runs. */
export interface Timing {
  query: Query;
  actor: Actor;
  times: number[];
  /** As it ran last; undefined when it never did. */
  ran?: Explained;
  /** As it would run if reading a whole table were to be avoided. */
  byIndex?: Explained;
  /** Every index that took part. */
  indexes: Set<string>;
  /** What the server said of it, when it would not do it. */
  failed?: string;
}

/**
 * Times queries, each as each of these people, and takes back whatever they changed. All take turns, so that what slows
 * the machine for a while slows them alike; the first round only warms up.
 */
export async function timed(
  client: PoolClient,
  world: World,
  step: Measure,
  item: Item,
  actors: Actor[],
): Promise<Timing[]> {
  const timings = step.queries.flatMap((query) =>
    actors.map((actor): Timing => ({ query, actor, times: [], indexes: new Set() })),
  );
  for (let round = 0; round <= step.runs; round++) {
    for (const actor of actors) {
      const vars = { ...world.runbook.document.settings, ...item, ...actor.variables };
      await inTheirName(client, actor, async () => {
        for (const timing of timings) {
          if (timing.actor !== actor || timing.failed !== undefined || enough(timing)) continue;
          await once(client, world, timing.query, vars, timing, round === 0);
        }
      });
    }
  }
  return timings;
}

async function once(
  client: PoolClient,
  world: World,
  { file }: Query,
  vars: Record<string, string>,
  timing: Timing,
  warmingUp: boolean,
): Promise<void> {
  await client.query('savepoint timed');
  try {
    const ran = await explained(client, world, file, vars, 'run');
    timing.ran = ran;
    for (const index of ran.indexes) timing.indexes.add(index);
    if (warmingUp) timing.byIndex = await explained(client, world, file, vars, 'plan by index');
    else timing.times.push(ran.ms);
  } catch (error) {
    if (!ofTheQuery(error)) throw error;
    timing.failed = error.message;
  } finally {
    // Fails on a connection that is gone, with which everything is taken back anyway.
    await client.query('rollback to savepoint timed').catch(() => {});
  }
}

function enough({ times }: Timing): boolean {
  return times.length >= FEWEST_RUNS && times.reduce((sum, ms) => sum + ms, 0) > ENOUGH_MS;
}

/** Whether the query itself is at fault, and not what goes on around it. */
function ofTheQuery(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.code !== '57014' && !worthRetry(error) && !connectionLost(error);
}
