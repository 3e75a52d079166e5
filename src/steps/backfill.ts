import { beginPass, extent, type Headway, headway } from '../postgres/cursor.ts';
import { recorded } from '../postgres/ledger.ts';
import { tableOf } from '../postgres/tables.ts';
import { transaction } from '../postgres/transaction.ts';
import type { Result } from '../run/events.ts';
import type { Act } from '../run/performer.ts';
import { itemsOf } from '../runbook/plan.ts';
import type { Item } from '../runbook/schema.ts';
import { type Backfill, errandOf, type Job, runLanes, type Shift } from './backfill-lanes.ts';
import type { Kind } from './kind.ts';
import { query } from './query.ts';
import { rolledBack } from './rolled-back.ts';
import { Tally } from './tally.ts';
import { commit, itemVariables, terms, type World } from './world.ts';

/** Ranges a table is cut into for each worker: enough that none waits long for the others at the end. */
const LANES_PER_WORKER = 4;
/** Blocks (4 MB) below which a table is filled sooner than its slices would pay for their batches. */
const SLICED_FROM = 512;

/**
 * Fills rows range by range of heap blocks (F5), each batch its own short transaction that also moves the cursor: no
 * batch is lost or done twice, whatever is killed. Passes over a table, first a slice of each block's rows at a time, are
 * repeated until one over all rows fills nothing, because an update may move a row that was not filled yet into blocks
 * already passed (F7).
 */
export const backfill: Kind<'backfill'> = {
  async perform(step, act, world) {
    const before = await recorded<Result>(world.pool, world.run, step.id);
    if (before !== undefined) return { finished: before };
    const jobs = await survey(step, act, world);
    const shift: Shift = {
      step,
      act,
      world,
      tally: new Tally(
        act,
        jobs.map(({ name, before, remaining }) => ({
          name,
          done: before?.filled ?? 0,
          total: (before?.filled ?? 0) + remaining,
        })),
      ),
      batches: 0,
      over: false,
    };
    const outcomes: { name: string; filled: number; remaining: number }[] = [];
    for (const job of jobs) outcomes.push({ name: job.name, ...(await fillTable(job, shift)) });
    return { finished: await commit(world, step, act, '', async () => told(outcomes)) };
  },

  async verify(step, _act, world) {
    const result = await recorded<Result>(world.pool, world.run, step.id);
    // What was not finished is carried on with from its cursors.
    return result === undefined ? { found: 'not-done' } : { found: 'done', result };
  },
};

/** Looks at every table before the first is touched; the largest comes first. */
async function survey(step: Backfill, act: Act, world: World): Promise<Job[]> {
  const jobs: Job[] = [];
  for (const item of itemsOf(world.runbook, step.tables)) {
    const { blocks } = await extent(world.pool, tableOf(item));
    const errand = errandOf(step, world, item);
    const before = await headway(world.pool, errand);
    jobs.push({ item, name: item.name ?? '', blocks, before, remaining: await countLeft(item, { step, act, world }) });
  }
  return jobs.sort((a, b) => b.blocks - a.blocks);
}

async function countLeft(item: Item, { step, act, world }: Pick<Shift, 'step' | 'act' | 'world'>): Promise<number> {
  const { rows } = await rolledBack(world, step, act, 'read only', (client) =>
    query(client, world, step.remaining, itemVariables(world, item)),
  );
  return Number(rows[0]?.[0] ?? 0);
}

async function fillTable(job: Job, shift: Shift): Promise<{ filled: number; remaining: number }> {
  const { step, world, tally } = shift;
  const errand = errandOf(step, world, job.item);
  const begin = (pass: number) =>
    transaction(terms(world, step, shift.act), (client) =>
      beginPass(client, errand, tableOf(job.item), pass, {
        lanes: step.workers * LANES_PER_WORKER,
        blocks: step.batch.blocks,
      }),
    );
  tally.begins(job.name);
  // A small table begins behind the slices.
  if (job.before === undefined) await begin(job.blocks < SLICED_FROM ? step.batch.slices + 1 : 1);
  for (;;) {
    const now = await mustKnow(shift, job);
    const rewritten = await runLanes(job, now.lanes, shift);
    const { pass, filled, filledInPass } = await mustKnow(shift, job);
    const { slices } = step.batch;
    if (!rewritten && pass >= slices) {
      const remaining = await countLeft(job.item, shift);
      const wentThroughAll = pass > slices || slices === 1;
      if (remaining === 0 || (wentThroughAll && filledInPass === 0)) {
        tally.ends(job.name);
        return { filled, remaining };
      }
    }
    await begin(pass + 1);
  }
}

async function mustKnow({ step, world }: Shift, { item, name }: Job): Promise<Headway> {
  const now = await headway(world.pool, errandOf(step, world, item));
  if (now === undefined) throw new Error(`The cursors of ${name} are gone from the database in mid-backfill.`);
  return now;
}

function told(outcomes: { name: string; filled: number; remaining: number }[]): Result {
  const filled = outcomes.reduce((sum, each) => sum + each.filled, 0);
  const left = outcomes.filter(({ remaining }) => remaining > 0);
  const remaining = left.reduce((sum, each) => sum + each.remaining, 0);
  const tables = outcomes.length === 1 ? '1 table' : `${outcomes.length} tables`;
  return {
    summary: `${filled} rows filled in ${tables}${remaining === 0 ? '' : `; ${remaining} cannot be filled`}`,
    facts: { rows: filled, remaining, tables: outcomes.length },
    evidence: [
      {
        kind: 'rows',
        title: 'Rows filled, table by table',
        columns: ['table', 'filled', 'cannot be filled'],
        rows: outcomes.map((each) => [each.name, String(each.filled), String(each.remaining)]),
        more: 0,
      },
    ],
    ...(left.length === 0
      ? {}
      : { exceptions: left.map((each) => `${each.name}: ${each.remaining} rows have nothing to be filled with`) }),
  };
}
