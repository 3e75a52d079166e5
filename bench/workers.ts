import type { Bench } from './database.ts';
import { beforeBackfill } from './migration.ts';
import { median, type Row, timed } from './result.ts';

/** Twelve tables of unequal size: two workers against one. @param turns of each */
export async function workerRows(bench: Bench, orders: number, turns: number): Promise<Row[]> {
  const took: Record<1 | 2, number[]> = { 1: [], 2: [] };
  for (let turn = 0; turn < turns; turn += 1) {
    for (const workers of [2, 1] as const) {
      const copy = await bench.copy(orders);
      const flagship = await beforeBackfill(copy, { workers, pace: 'full' });
      await flagship.perform('row-triggers', 'add-column');
      took[workers].push(await timed(() => flagship.perform('backfill-tables')));
      await flagship.close();
      await copy.drop();
    }
  }
  const [two, one] = [median(took[2]) / 1_000, median(took[1]) / 1_000];
  return [
    {
      name: '12 tables, two workers against one',
      ours: two,
      against: one,
      unit: 's',
      ratio: one / two,
      target: '1.6× on two cores',
      met: one / two >= 1.6,
    },
  ];
}
