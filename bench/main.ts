import { parseArgs } from 'node:util';
import { backfillRows } from './backfill.ts';
import { openBench } from './database.ts';
import { liveRows } from './live.ts';
import { readRows } from './reads.ts';
import { printed, type Row } from './result.ts';
import { scaleRows } from './scale.ts';
import { workerRows } from './workers.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rows: { type: 'string', default: '1000000' },
    turns: { type: 'string', default: '3' },
  },
});
const [orders, turns] = [Number(values.rows), Number(values.turns)];
await using bench = await openBench();
const rows: Row[] = [];
for (const measure of [
  () => backfillRows(bench, orders, turns),
  () => liveRows(bench, orders, turns),
  () => workerRows(bench, orders / 4, turns),
  () => scaleRows(bench, orders / 10, orders * 10, turns),
  () => readRows(bench, orders),
]) {
  rows.push(...(await measure()));
  process.stderr.write(`${rows.length} rows of the table are measured\n`);
}
process.stdout.write(`${values.json ? JSON.stringify(rows, null, 2) : printed(rows)}\n`);
