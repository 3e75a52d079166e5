import { parseArgs } from 'node:util';
import { backfillRows } from './backfill.ts';
import { type Bench, openBench } from './database.ts';
import { journalRows } from './journal.ts';
import { liveRows } from './live.ts';
import { readRows } from './reads.ts';
import { printed, type Row } from './result.ts';
import { scaleRows } from './scale.ts';
import { terminalRows } from './terminals.ts';
import { workerRows } from './workers.ts';

type Measure = (bench: Bench, orders: number, turns: number) => Promise<Row[]>;

/** What can be measured, in the order of the table; any of them by name, else all. */
const MEASURES: Record<string, Measure> = {
  backfill: backfillRows,
  live: liveRows,
  workers: (bench, orders, turns) => workerRows(bench, orders / 4, turns),
  scale: (bench, orders, turns) => scaleRows(bench, orders / 10, orders * 10, turns),
  reads: readRows,
  journal: (bench, orders, turns) => journalRows(bench, orders / 10, turns),
  terminals: terminalRows,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    rows: { type: 'string', default: '1000000' },
    turns: { type: 'string', default: '3' },
  },
});
const unknown = positionals.find((name) => !(name in MEASURES));
if (unknown !== undefined) {
  process.stderr.write(`There is no measure ${unknown}; there are ${Object.keys(MEASURES).join(', ')}.\n`);
  process.exit(2);
}
await using bench = await openBench();
const rows: Row[] = [];
for (const [name, measure] of Object.entries(MEASURES)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  rows.push(...(await measure(bench, Number(values.rows), Number(values.turns))));
  process.stderr.write(`${name} is measured\n`);
}
process.stdout.write(`${values.json ? JSON.stringify(rows, null, 2) : printed(rows)}\n`);
