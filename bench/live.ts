import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execaNode } from 'execa';
import { onePass, TENANTS } from './backfill.ts';
import type { Bench, Copy } from './database.ts';
import { beforeBackfill } from './migration.ts';
import { median, quantile, type Row } from './result.ts';

/** How long the application is watched with nothing beside it, in ms an order, and at most. */
const IDLE = { each: 0.05, most: 5_000 };

const APPLICATION = fileURLToPath(new URL('./application.ts', import.meta.url));

type Pace = 'gentle' | 'full';

/** Has the server note how long each batch's transaction has had its locks when it moves its cursor, its last act. */
const WATCH_BATCHES = `
  create table public.bench_batch (ms double precision);
  create function public.bench_batch() returns trigger language plpgsql as $$
  begin
    insert into public.bench_batch values (extract(epoch from clock_timestamp() - now()) * 1000);
    return null;
  end $$;
  create trigger bench_batch after update on middlewatch.cursor for each row execute function public.bench_batch();`;

/** What the application feels while the work goes on, in ms a change. */
async function beside({ env }: Copy, work: () => Promise<unknown>): Promise<number[]> {
  const application = execaNode(APPLICATION, { ipc: true, env });
  await application.getOneMessage();
  await work();
  await application.sendMessage('enough');
  const ms = (await application.getOneMessage()) as number[];
  // Its connections are gone with it, and not taken from it with the database.
  await application;
  return ms;
}

async function ours(on: Copy, pace: Pace, idleMs: number): Promise<{ p99: number; idle: number; batches: number[] }> {
  const flagship = await beforeBackfill(on, { tables: ['orders'], pace, ...(pace === 'full' && { workers: 2 }) });
  await flagship.perform('row-triggers', 'add-column');
  const idle = await beside(on, () => delay(idleMs));
  await on.pool.query(WATCH_BATCHES);
  const felt = await beside(on, () => flagship.perform('backfill-tables'));
  const { rows } = await on.pool.query<{ ms: number }>('select ms from public.bench_batch');
  await flagship.close();
  return { p99: quantile(felt, 0.99), idle: quantile(idle, 0.99), batches: rows.map(({ ms }) => ms) };
}

async function plan(on: Copy): Promise<{ p99: number }> {
  await on.pool.query(TENANTS);
  const felt = await beside(on, () => onePass(on.pool));
  return { p99: quantile(felt, 0.99) };
}

/** What the application feels of a backfill beside it, and how long rows stay locked. @param turns of each */
export async function liveRows(bench: Bench, orders: number, turns: number): Promise<Row[]> {
  const gentle: Awaited<ReturnType<typeof ours>>[] = [];
  const full: typeof gentle = [];
  const plans: number[] = [];
  const idleMs = Math.min(IDLE.most, IDLE.each * orders);
  for (let turn = 0; turn < turns; turn += 1) {
    for (const [pace, seen] of [['gentle', gentle] as const, ['full', full] as const]) {
      const copy = await bench.copy(orders, { only: 'orders' });
      seen.push(await ours(copy, pace, idleMs));
      await copy.drop();
    }
    const copy = await bench.copy(orders, { only: 'orders' });
    plans.push((await plan(copy)).p99);
    await copy.drop();
  }
  const idle = median(gentle.map((each) => each.idle));
  const p99 = median(gentle.map((each) => each.p99));
  const locked = (name: string, seen: typeof gentle, limit: number): Row => {
    const ms = quantile(
      seen.flatMap((each) => each.batches),
      0.999,
    );
    return {
      name,
      ours: ms,
      against: null,
      unit: 'ms',
      ratio: ms / limit,
      target: `at most ${limit} ms`,
      met: ms <= limit,
    };
  };
  return [
    {
      name: 'application p99 beside the gentle backfill, against idle',
      ours: p99,
      against: idle,
      unit: 'ms',
      ratio: p99 / idle,
      target: 'within 2×',
      met: p99 <= 2 * idle,
    },
    {
      name: 'the same, against the plan’s form',
      ours: p99,
      against: median(plans),
      unit: 'ms',
      ratio: median(plans) / p99,
      target: 'reported',
      met: null,
    },
    locked('longest lock of a row, gentle, 99.9th percentile of batches', gentle, 100),
    locked('longest lock of a row, full speed, 99.9th percentile of batches', full, 500),
  ];
}
