import { setTimeout as delay } from 'node:timers/promises';
import { advance, type Errand, type Headway, type Lane, TableRewritten } from '../../postgres/cursor.ts';
import type { TableName } from '../../postgres/tables.ts';
import { transaction } from '../../postgres/transaction.ts';
import { type Act, RehearsedFailure } from '../../run/performer.ts';
import { bind } from '../../runbook/sql-file.ts';
import type { StepOf } from '../../runbook/step-schema.ts';
import { located } from '../run-file.ts';
import { source, terms, type World } from '../world.ts';
import { Agenda, type Topic } from './agenda.ts';
import { type BatchSize, type RoundTrip, restMs } from './pace.ts';
import type { Throttle } from './signals.ts';
import { behind, nextBlocks } from './slices.ts';
import type { Sweeps } from './sweep.ts';
import type { Tally } from './tally.ts';

export type Backfill = StepOf<'backfill'>;

/** How soon a worker heeds what the operator has asked for, in ms. */
const HEED_EVERY = 100;
/** A rehearsal's failure comes after this many batches. */
const BATCHES_BEFORE_FAILURE = 2;

/**
 * `middlewatch.backfill` is read by triggers that must tell a backfill from a change somebody made (F14). A batch need not
 * wait for the disk: a server that crashes loses it together with its cursor, and the step's own commit, at the end, waits
 * for all of them.
 */
const IN_A_BATCH = { 'middlewatch.backfill': 'on', synchronous_commit: 'off' };

/** A table of the backfill. */
export interface Job {
  table: TableName;
  name: string;
  /** The table in the ledger's terms. */
  errand: Errand;
  /** Values for the SQL of the step. */
  variables: Record<string, string>;
  blocks: number;
  before: Headway | undefined;
  remaining: number;
  size: BatchSize;
}

/** A table as the workers go through it: its ranges, pass after pass. */
export interface TableTopic extends Topic<Lane> {
  job: Job;
  /** The table was rewritten since the pass began: there has to be another. */
  rewritten: boolean;
  /** To be called when a range is through. */
  laneEnded(): void;
}

/** What the workers of a step share. */
export interface Shift {
  step: Backfill;
  act: Act;
  world: World;
  tally: Tally;
  throttle: Throttle;
  trip: RoundTrip;
  sweeps: Sweeps;
  batches: number;
}

/** Has the workers go through the tables, with as many of them as the operator wants at each moment. */
export async function fillTables(topics: TableTopic[], shift: Shift): Promise<void> {
  const { act, step } = shift;
  const agenda = new Agenda<Lane>(topics);
  const wanted = () => act.control.workers ?? step.workers;
  const atWork = new Map<number, Promise<void>>();
  let finished = false;
  let failure: { cause: unknown } | undefined;

  const worker = async (number: number): Promise<void> => {
    for (let taken = await agenda.take(); taken !== undefined; taken = await agenda.take()) {
      const topic = taken.topic as TableTopic;
      let lane = taken.piece;
      while (lane.next < lane.end && !topic.rewritten) {
        if (failure !== undefined) return;
        if (number >= wanted()) return agenda.giveBack(topic, lane);
        try {
          lane = await runBatch(topic.job, lane, shift);
        } catch (error) {
          if (!(error instanceof TableRewritten)) throw error;
          topic.rewritten = true;
          agenda.drop(topic);
        }
      }
      topic.laneEnded();
      await agenda.through(topic);
      if (number >= wanted()) return;
    }
    finished = true;
  };

  const begin = (number: number) =>
    worker(number)
      .catch((cause: unknown) => {
        failure ??= { cause };
        agenda.close();
      })
      .finally(() => atWork.delete(number));
  while (!finished && failure === undefined) {
    shift.tally.staff(wanted());
    for (let number = 0; number < wanted(); number += 1) {
      if (!atWork.has(number)) atWork.set(number, begin(number));
    }
    await Promise.race([delay(HEED_EVERY), ...atWork.values()]);
  }
  await Promise.all(atWork.values());
  if (failure !== undefined) throw failure.cause;
}

/** @returns the lane as it is now */
async function runBatch(job: Job, lane: Lane, shift: Shift): Promise<Lane> {
  const { step, act, world, tally, trip } = shift;
  await whilePaused(shift);
  const began = performance.now();
  const blocks = nextBlocks(lane, job.size.blocks);
  const to = behind(lane, blocks, step.batch);
  const file = source(world, step.file);
  const { text, values } = bind(file.text, {
    ...job.variables,
    from_tid: `(${lane.next},0)`,
    to_tid: `(${lane.next + blocks},0)`,
    slice: String(lane.slice),
    slices: String(step.batch.slices),
  });
  const { filled, workMs } = await transaction({ ...terms(world, step, act), settings: IN_A_BATCH }, async (client) => {
    const sent = performance.now();
    const { rowCount } = await client.query(text, values).catch((cause) => {
      throw located(file.path, 1, text, cause);
    });
    const answered = performance.now();
    await advance(client, job.errand, job.table, lane, to, rowCount ?? 0);
    trip.see(performance.now() - answered);
    return { filled: rowCount ?? 0, workMs: trip.without(answered - sent) };
  });
  const tookMs = performance.now() - began;
  job.size.learn(blocks, { workMs, tripMs: trip.ms });
  await tally.took(job.name, filled, { ms: tookMs, blocks }, shift.throttle.values);
  shift.batches += 1;
  if (shift.batches >= BATCHES_BEFORE_FAILURE && act.failsNow()) throw new RehearsedFailure();
  await rest(workMs, shift);
  return to;
}

/** Rests after a batch. What the operator asks for meanwhile, and what the signals say, counts at once. */
async function rest(workMs: number, { step, act, throttle }: Shift): Promise<void> {
  const began = performance.now();
  for (;;) {
    const left = restMs(workMs, step.pace, act.control.speed * throttle.share) - (performance.now() - began);
    if (left <= 0 || act.control.paused) return;
    await delay(Math.min(left, HEED_EVERY), undefined, { signal: act.signal });
  }
}

async function whilePaused({ act, tally }: Shift): Promise<void> {
  if (!act.control.paused) return;
  tally.pause(true);
  while (act.control.paused) await delay(HEED_EVERY, undefined, { signal: act.signal });
  tally.pause(false);
}
