import { beginPass, CursorMoved, type Headway, headway, type Lane, unfinishedLanes } from '../../postgres/cursor.ts';
import { recorded } from '../../postgres/ledger.ts';
import { extent, qualified, type TableName, tableOf, tablesBehind } from '../../postgres/tables.ts';
import { transaction } from '../../postgres/transaction.ts';
import type { Result } from '../../run/events.ts';
import type { Act } from '../../run/performer.ts';
import { itemsOf } from '../../runbook/plan.ts';
import type { Item } from '../../runbook/schema.ts';
import type { Kind } from '../kind.ts';
import { query } from '../query.ts';
import { rolledBack } from '../rolled-back.ts';
import { commit, itemVariables, terms, type World } from '../world.ts';
import { type Backfill, fillTables, type Job, type Shift, type TableTopic } from './lanes.ts';
import { type Outcome, told } from './outcome.ts';
import { BatchSize, RoundTrip } from './pace.ts';
import { openThrottle } from './signals.ts';
import { cutOf, isSliced } from './slices.ts';
import { openSweeps } from './sweep.ts';
import { Tally } from './tally.ts';

/**
 * How much work a batch should be, in ms, where the step does not say: a row is locked that long, and for the two round
 * trips after it. At a gentle pace less than a scheduler lets others wait anyway (Linux: 3 to 4 ms): on two cores the
 * application's p99 was three to four times that of idle beside batches of 20 ms, twice of 5 ms, less of 3 ms.
 */
const TARGET = { gentle: 3, full: 200 } as const;

/**
 * Fills rows range by range of heap blocks (F5), each batch its own short transaction that also moves the cursor: no
 * batch is lost or done twice, whatever is killed. Passes over a table are repeated until one fills nothing, because an
 * update may move a row that was not filled yet into blocks already passed (F7). Partitioned tables are gone through
 * partition by partition, those that are attached meanwhile included; no table needs a key.
 */
export const backfill: Kind<'backfill'> = {
  async perform(step, act, world) {
    for (;;) {
      const before = await recorded<Result>(world.pool, world.run, step.id);
      const finished = before ?? (await goThrough(step, act, world));
      if (finished !== undefined) return { finished };
    }
  },

  async verify(step, _act, world) {
    const result = await recorded<Result>(world.pool, world.run, step.id);
    // What was not finished is carried on with from its cursors.
    return result === undefined ? { found: 'not-done' } : { found: 'done', result };
  },
};

/** Goes through every table to its end. @returns undefined when there are more of them by then */
async function goThrough(step: Backfill, act: Act, world: World): Promise<Result | undefined> {
  const jobs = await survey(step, act, world);
  const tally = new Tally(
    act,
    jobs.map(({ name, before, remaining }) => ({
      name,
      done: before?.filled ?? 0,
      total: (before?.filled ?? 0) + remaining,
    })),
  );
  const tables = jobs.map(({ errand }) => errand.part);
  await using throttle = openThrottle(step, act, world, tables, (why) => tally.because(why));
  await using sweeps = openSweeps(world.pool, step.pace);
  const shift: Shift = { step, act, world, tally, throttle, trip: new RoundTrip(), sweeps, batches: 0 };
  const outcomes: Outcome[] = [];
  const topics = jobs.map((job) => passes(job, shift, (outcome) => outcomes.push(outcome)));
  await fillTables(topics, shift);
  // A partition that was attached meanwhile has brought rows of its own.
  const now = await tablesOf(step, world);
  if (now.some(({ table }) => !tables.includes(qualified(table)))) return undefined;
  return await commit(world, step, act, '', async (client) => {
    if ((await unfinishedLanes(client, world.run, step.id, tables)) > 0) throw new CursorMoved();
    return told(outcomes);
  });
}

/** Looks at every table before the first is touched; the largest comes first. */
async function survey(step: Backfill, act: Act, world: World): Promise<Job[]> {
  const jobs: Job[] = [];
  for (const { table, item } of await tablesOf(step, world)) {
    const errand = { run: world.run, step: step.id, part: qualified(table) };
    const short = nameOf(table, tableOf(item), item);
    const variables = itemVariables(world, { ...item, ...table });
    jobs.push({
      table,
      name: jobs.some((job) => job.name === short) ? errand.part : short,
      errand,
      variables,
      blocks: (await extent(world.pool, table)).blocks,
      before: await headway(world.pool, errand),
      remaining: await countLeft(variables, { step, act, world }),
      size: new BatchSize(step.batch.blocks, step.batch.target ?? TARGET[step.pace]),
    });
  }
  return jobs.sort((a, b) => b.blocks - a.blocks);
}

/** The tables there are to go through now, each once: a partition may be listed beside the table it is of. */
async function tablesOf(step: Backfill, world: World): Promise<{ table: TableName; item: Item }[]> {
  const found = new Map<string, { table: TableName; item: Item }>();
  for (const item of itemsOf(world.runbook, step.tables)) {
    for (const table of await tablesBehind(world.pool, tableOf(item))) {
      if (!found.has(qualified(table))) found.set(qualified(table), { table, item });
    }
  }
  return [...found.values()];
}

/** A table as the list calls it; a partition by its own name, with its schema where that is another. */
function nameOf(table: TableName, listed: TableName, item: Item): string {
  if (qualified(table) === qualified(listed)) return item.name ?? '';
  return table.schema === listed.schema ? table.name : `${table.schema}.${table.name}`;
}

async function countLeft(
  variables: Record<string, string>,
  { step, act, world }: Pick<Shift, 'step' | 'act' | 'world'>,
): Promise<number> {
  const { rows } = await rolledBack(world, step, act, 'read only', (client) =>
    query(client, world, step.remaining, variables),
  );
  return Number(rows[0]?.[0] ?? 0);
}

/** The passes over a table, as many as it takes. */
function passes(job: Job, shift: Shift, ended: (outcome: Outcome) => void): TableTopic {
  const { step, act, world, tally } = shift;
  const { errand, table, name } = job;
  const begin = async (pass: number): Promise<Lane[]> => {
    const cut = cutOf(pass, job.blocks, step.batch);
    await transaction(terms(world, step, act), (client) => beginPass(client, errand, table, pass, cut));
    return unfinished(await mustKnow(job, world));
  };
  let carriedOn = false;
  /** Ranges to go, in a first pass, until the table is half filled. */
  let toHalf = 0;
  const first = (lanes: Lane[]): Lane[] => {
    if (lanes.some((lane) => isSliced(lane, step.batch))) toHalf = Math.ceil(lanes.length / 2);
    return lanes;
  };
  const topic: TableTopic = {
    job,
    rewritten: false,
    async open() {
      if (!carriedOn) {
        carriedOn = true;
        tally.begins(name);
        return first(job.before === undefined ? await begin(1) : unfinished(job.before));
      }
      const { pass, filled, filledInPass } = await mustKnow(job, world);
      if (!topic.rewritten) {
        const remaining = await countLeft(job.variables, shift);
        if (remaining === 0 || filledInPass === 0) {
          tally.ends(name);
          ended({ name, filled, remaining });
          return undefined;
        }
      }
      topic.rewritten = false;
      return await begin(pass + 1);
    },
    laneEnded() {
      toHalf -= 1;
      if (toHalf === 0) shift.sweeps.begin(table);
    },
  };
  return topic;
}

const unfinished = ({ lanes }: Headway): Lane[] => lanes.filter(({ next, end }) => next < end);

async function mustKnow({ errand, name }: Job, world: World): Promise<Headway> {
  const now = await headway(world.pool, errand);
  if (now === undefined) throw new Error(`The cursors of ${name} are gone from the database in mid-backfill.`);
  return now;
}
