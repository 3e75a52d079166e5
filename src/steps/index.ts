import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseTrouble } from '../postgres/errors.ts';
import { type Alone, alone, buildUnderWay, dropIndex, followBuild, indexState } from '../postgres/index-build.ts';
import { type Entry, record, recorded, recordedParts, strike } from '../postgres/ledger.ts';
import { dropJoined, joinIndexes } from '../postgres/partitioned-index.ts';
import { leftAtWork } from '../postgres/sessions.ts';
import { qualified, type TableName } from '../postgres/tables.ts';
import { transaction } from '../postgres/transaction.ts';
import type { Result } from '../run/events.ts';
import { type Act, RehearsedFailure } from '../run/performer.ts';
import type { Item } from '../runbook/schema.ts';
import { render } from '../runbook/sql-file.ts';
import type { StepOf } from '../runbook/step-schema.ts';
import { type Job, jobsOf, wholes } from './index-jobs.ts';
import type { Kind } from './kind.ts';
import { parting } from './parting.ts';
import { query } from './query.ts';
import { located } from './run-file.ts';
import { commit, itemVariables, source, terms, type World } from './world.ts';

type Index = StepOf<'index'>;

/** Between two looks at a build that somebody else has under way, in ms. */
const LOOK_EVERY = 250;

/** What came of an index that the step's own query says is not missing. */
const NOT_NEEDED = 'not needed';

/**
 * Builds an index on each table of a list, concurrently. That cannot be done in a transaction, so the intent goes into
 * the ledger before and the index itself tells afterwards: a valid one is done, any other is dropped and built anew (F11).
 * Of a partitioned table the partitions are built one by one, and then joined into one index of the whole.
 */
export const index: Kind<'index'> = {
  async perform(step, act, world) {
    const before = await recorded<Result>(world.pool, world.run, step.id);
    if (before !== undefined) return { finished: before };
    // Until no partition has come meanwhile.
    for (;;) {
      const jobs = await jobsOf(step, world);
      const found: string[][] = [];
      for (const [done, job] of jobs.entries()) {
        found.push([qualified(job.table), job.index, await build(step, act, world, job, done, jobs.length)]);
        if (act.failsNow()) throw new RehearsedFailure();
      }
      if (!(await joined(step, act, world, jobs, found))) continue;
      return { finished: await commit(world, step, act, '', async () => told(found)) };
    }
  },

  async verify(step, _act, world) {
    const result = await recorded<Result>(world.pool, world.run, step.id);
    // An index that is not finished is found in whatever state it is in, and carried on with.
    return result === undefined ? { found: 'not-done' } : { found: 'done', result };
  },

  async undo(step, act, world) {
    const ours = await recordedParts(world.pool, world.run, step.id);
    const dropped: string[] = [];
    const jobs = await jobsOf(step, world);
    for (const whole of wholes(jobs)) {
      const part = qualified(whole.root);
      if (!ours.has(part)) continue;
      await transaction(terms(world, step, act), async (client) => {
        await dropJoined(client, whole);
        await strike(client, world.run, step.id, part);
      });
    }
    for (const { table, index } of jobs.toReversed()) {
      const part = qualified(table);
      if (!ours.has(part)) continue;
      await dropIndex(outside(step, act, world), table, index);
      await transaction(terms(world, step, act), async (client) => {
        await strike(client, world.run, step.id, part);
        await strike(client, world.run, step.id, '');
      });
      dropped.push(index);
    }
    return { summary: `${dropped.length} indexes dropped` };
  },
};

/** Makes one index of those of the partitions. @returns false when a partition has come that has none yet */
async function joined(step: Index, act: Act, world: World, jobs: Job[], found: string[][]): Promise<boolean> {
  let all = true;
  for (const whole of wholes(jobs)) {
    const parts = found.filter((_, i) => jobs[i]?.whole === whole);
    // A partition that has another, or whose own was there before, keeps it to itself: joined, it would be dropped with ours.
    if (!parts.every(([, , state]) => state?.startsWith('built'))) continue;
    const there = await transaction(terms(world, step, act), async (client) => {
      if (!(await joinIndexes(client, whole))) return false;
      await record(client, entry(step, act, world, whole.root), { index: whole.root.index });
      return true;
    });
    all &&= there;
  }
  return all;
}

/** @returns what came of it, in a word or two */
async function build(
  step: Index,
  act: Act,
  world: World,
  { item, table, index }: Job,
  done: number,
  total: number,
): Promise<string> {
  const pulse = (note: string, part = { done: 0, total: 0 }) =>
    act.pulse({ done, total, unit: 'indexes', note, parts: [{ name: index, ...part, state: 'working' }] });
  pulse(`looking at ${index}`);
  await untilNobodyBuilds(world, act, table, pulse);
  const intended = (await recorded(world.pool, world.run, step.id, qualified(table))) !== undefined;
  const before = await indexState(world.pool, table, index);
  if (before === 'of another table') throw taken(table, index);
  if (before === 'valid') return intended ? 'built' : 'was there before';
  if (!intended && !(await needed(step, world, item))) return NOT_NEEDED;
  if (!intended) await intend(step, act, world, table, index);
  const how = outside(step, act, world);
  if (before === 'invalid') {
    pulse(`dropping what is left of ${index}`);
    await dropIndex(how, table, index);
  }
  const file = source(world, step.file);
  const statement = render(file.text, { ...itemVariables(world, item), index });
  const finished = new AbortController();
  // To look on may fail at any moment, as when the server crashes; the build itself tells how that ends.
  const following = followBuild(world.pool, table, finished.signal, (now) => pulse(now.phase, now)).catch(() => {});
  try {
    await alone(how, statement).catch((cause) => {
      throw located(file.path, 1, statement, cause);
    });
  } finally {
    finished.abort();
    await following;
  }
  const after = await indexState(world.pool, table, index);
  if (after !== 'valid') throw notValid(table, index, after);
  return before === 'invalid' ? 'built anew' : 'built';
}

async function needed(step: Index, world: World, item: Item): Promise<boolean> {
  if (step.needed === undefined) return true;
  const { rows } = await query(world.pool, world, step.needed, itemVariables(world, item));
  return rows.length > 0;
}

/**
 * What a conductor that was killed or stopped has left at work on the server, and any other build on the table, is followed
 * to its end: begun again, it would only come in its own way.
 */
async function untilNobodyBuilds(
  world: World,
  act: Act,
  table: TableName,
  pulse: (note: string, part?: { done: number; total: number }) => void,
) {
  for (;;) {
    const build = await buildUnderWay(world.pool, table);
    const [left] = await leftAtWork(world.pool, world.run, act.token);
    if (build !== undefined) {
      pulse(`waiting for a build that is already under way: ${build.phase}${whoseEnd(build.pid)}`, build);
    } else if (left !== undefined) {
      pulse(`waiting for what the conductor before has left at work: ${left.query}${whoseEnd(left.pid)}`);
    } else return;
    await delay(LOOK_EVERY, undefined, { signal: act.signal });
  }
}

/** How an operator who does not want to wait ends it. */
const whoseEnd = (pid: number) => ` (server process ${pid}; pg_cancel_backend(${pid}) ends it)`;

/** What is needed to work outside any transaction. */
function outside(step: Index, act: Act, world: World): Alone {
  const { pool, run } = world;
  return { pool, fence: { run, token: act.token }, timeoutMs: step.timeout ?? 0, ...parting(act) };
}

/** Puts on record, before the act, that this index is ours to build and to drop. */
function intend(step: Index, act: Act, world: World, table: TableName, index: string): Promise<void> {
  return transaction(terms(world, step, act), (client) => record(client, entry(step, act, world, table), { index }));
}

function entry(step: Index, act: Act, world: World, table: TableName): Entry {
  return { run: world.run, step: step.id, part: qualified(table), attempt: act.attempt };
}

function taken(table: TableName, index: string): DatabaseTrouble {
  return new DatabaseTrouble(
    `Something else in the schema ${table.schema} is called ${index}.`,
    'Give the index of the runbook another name, or that other thing.',
  );
}

function notValid(table: TableName, index: string, state: string): DatabaseTrouble {
  return new DatabaseTrouble(
    `${index} on ${qualified(table)} is ${state} after it was built.`,
    'Retry drops what is left of it and builds it anew; a rollback drops it.',
  );
}

function told(found: string[][]): Result {
  const wanted = found.filter(([, , state]) => state !== NOT_NEEDED);
  const built = wanted.filter(([, , state]) => state !== 'was there before').length;
  return {
    summary: wanted.length === 0 ? 'no index was missing' : `${built} of ${wanted.length} indexes built, all valid`,
    facts: { indexes: wanted.length, built },
    evidence: [{ kind: 'rows', title: 'Indexes', columns: ['table', 'index', 'state'], rows: found, more: 0 }],
  };
}
