import { setTimeout as delay } from 'node:timers/promises';
import { advance, type Errand, type Headway, type Lane, TableRewritten } from '../postgres/cursor.ts';
import { qualified, tableOf } from '../postgres/tables.ts';
import { transaction } from '../postgres/transaction.ts';
import { type Act, RehearsedFailure } from '../run/performer.ts';
import type { Item } from '../runbook/schema.ts';
import { bind } from '../runbook/sql-file.ts';
import type { StepOf } from '../runbook/step-schema.ts';
import { BatchSize, restMs } from './pace.ts';
import { located } from './run-file.ts';
import type { Tally } from './tally.ts';
import { itemVariables, source, terms, type World } from './world.ts';

export type Backfill = StepOf<'backfill'>;

/** Between two looks whether a pause is over, in ms. */
const PAUSE_CHECK = 100;
/** How long a batch should take, in ms, where the step does not say: a row is locked that long, and a little more. */
const TARGET = { gentle: 50, full: 200 } as const;
/** A rehearsal's failure comes after this many batches. */
const BATCHES_BEFORE_FAILURE = 2;

/** A table of the backfill. */
export interface Job {
  item: Item;
  name: string;
  blocks: number;
  before: Headway | undefined;
  remaining: number;
}

/** What the workers of a step share. */
export interface Shift {
  step: Backfill;
  act: Act;
  world: World;
  tally: Tally;
  batches: number;
  /** Set when a worker has failed: the others stop after the batch they are at. */
  over: boolean;
}

/** Has the workers go through what is left of these ranges. @returns whether the table was rewritten meanwhile */
export async function runLanes(job: Job, lanes: Lane[], shift: Shift): Promise<boolean> {
  const queue = lanes.filter(({ next, end }) => next < end);
  let rewritten = false;
  const worker = async () => {
    const size = new BatchSize(shift.step.batch.blocks, shift.step.batch.target ?? TARGET[shift.step.pace]);
    try {
      for (let lane = queue.shift(); lane !== undefined; lane = queue.shift()) {
        for (let next = lane.next; next < lane.end && !shift.over && !rewritten; ) {
          next = await runBatch(job, { ...lane, next }, size, shift);
        }
      }
    } catch (error) {
      if (error instanceof TableRewritten) rewritten = true;
      else {
        shift.over = true;
        throw error;
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: shift.step.workers }, worker));
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed) throw failed.reason;
  return rewritten;
}

/** @returns the block that comes next */
async function runBatch(job: Job, lane: Lane, size: BatchSize, shift: Shift): Promise<number> {
  const { step, act, world, tally } = shift;
  await whilePaused(shift);
  const began = performance.now();
  const blocks = Math.min(size.blocks, lane.end - lane.next);
  const next = lane.next + blocks;
  const file = source(world, step.file);
  const { text, values } = bind(file.text, {
    ...itemVariables(world, job.item),
    from_tid: `(${lane.next},0)`,
    to_tid: `(${next},0)`,
    ...sliceOf(lane.pass, step.batch.slices),
  });
  const filled = await transaction(terms(world, step, act), async (client) => {
    // Read by triggers that must tell a backfill from a change somebody made (F14). A batch need not wait for the disk: a
    // server that crashes loses it together with its cursor, and the step's own commit, at the end, waits for all of them.
    await client.query(
      "select set_config('middlewatch.backfill', 'on', true), set_config('synchronous_commit', 'off', true)",
    );
    const { rowCount } = await client.query(text, values).catch((cause) => {
      throw located(file.path, 1, text, cause);
    });
    await advance(client, errandOf(step, world, job.item), tableOf(job.item), { ...lane, next }, rowCount ?? 0);
    return rowCount ?? 0;
  });
  const tookMs = performance.now() - began;
  size.learn(blocks, tookMs);
  await tally.took(job.name, filled, { ms: tookMs, blocks });
  shift.batches += 1;
  if (shift.batches >= BATCHES_BEFORE_FAILURE && act.failsNow()) throw new RehearsedFailure();
  const rest = restMs(tookMs, step.pace, act.control.speed);
  if (rest > 0) await delay(rest, undefined, { signal: act.signal });
  return next;
}

async function whilePaused({ act, tally }: Shift): Promise<void> {
  if (!act.control.paused) return;
  tally.note('paused');
  while (act.control.paused) await delay(PAUSE_CHECK, undefined, { signal: act.signal });
  tally.note('');
}

/**
 * Which of each block's rows a pass takes. The first passes take a slice each: what one has moved out of a full block makes
 * room, once it is pruned, for the next slice's rows to stay in it, which spares their index entries (HOT). All rows are
 * for the passes after those.
 * @see https://www.postgresql.org/docs/current/storage-hot.html
 */
function sliceOf(pass: number, slices: number): { slice: string; slices: string } {
  return pass <= slices ? { slice: String(pass - 1), slices: String(slices) } : { slice: '0', slices: '1' };
}

/** A table of this step, in the ledger's terms. */
export function errandOf(step: Backfill, { run }: World, item: Item): Errand {
  return { run, step: step.id, part: qualified(tableOf(item)) };
}
