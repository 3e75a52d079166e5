import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from './database.ts';
import { beforeBackfill } from './migration.ts';
import { median, type Row, timed } from './result.ts';

const MEBIBYTE = 1024 * 1024;

/** Watches this process's memory, the conductor's work being done in it. @returns its highest, above where it began, in MiB */
async function peak(work: Promise<unknown>): Promise<number> {
  const began = process.memoryUsage().rss;
  let highest = began;
  let over = false;
  const look = async () => {
    while (!over) {
      highest = Math.max(highest, process.memoryUsage().rss);
      await delay(100);
    }
  };
  const looking = look();
  await work.finally(() => {
    over = true;
  });
  await looking;
  return (highest - began) / MEBIBYTE;
}

async function once(bench: Bench, orders: number): Promise<{ usPerRow: number; mebibytes: number }> {
  const copy = await bench.copy(orders, { only: 'orders' });
  const flagship = await beforeBackfill(copy, { tables: ['orders'], workers: 2, pace: 'full' });
  await flagship.perform('row-triggers', 'add-column');
  let ms = 0;
  const mebibytes = await peak(
    timed(() => flagship.perform('backfill-tables')).then((took) => {
      ms = took;
    }),
  );
  await flagship.close();
  await copy.drop();
  return { usPerRow: (ms * 1_000) / orders, mebibytes };
}

/** What a row costs in a small table and in a large one, and what the large one costs in memory. @param turns of each */
export async function scaleRows(bench: Bench, small: number, large: number, turns: number): Promise<Row[]> {
  const seen: Record<'small' | 'large', Awaited<ReturnType<typeof once>>[]> = { small: [], large: [] };
  await bench.prepare([small, large], { only: 'orders' });
  for (let turn = 0; turn < turns; turn += 1) {
    seen.small.push(await once(bench, small));
    seen.large.push(await once(bench, large));
  }
  const cost = (which: keyof typeof seen) => median(seen[which].map((each) => each.usPerRow));
  const mebibytes = median(seen.large.map((each) => each.mebibytes));
  const ratio = cost('large') / cost('small');
  return [
    {
      name: `cost a row, ${large} rows against ${small}`,
      ours: cost('large'),
      against: cost('small'),
      unit: 'µs',
      ratio,
      target: 'flat within 15%',
      met: ratio <= 1.15,
    },
    {
      name: `memory above idle at ${large} rows`,
      ours: mebibytes,
      against: null,
      unit: 'MiB',
      ratio: mebibytes / 30,
      target: 'at most 30 MB',
      met: mebibytes * MEBIBYTE <= 30e6,
    },
  ];
}
