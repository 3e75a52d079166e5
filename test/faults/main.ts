import { parseArgs } from 'node:util';
import { openLab } from './lab.ts';
import { bringAbout, held, kinds, type Summary } from './suite.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    kinds: { type: 'string' },
    few: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const known = Object.keys(kinds(seed, !values.few));
const wanted = values.kinds?.split(',') ?? known;
const unknown = wanted.find((name) => !known.includes(name));
if (unknown !== undefined || !Number.isSafeInteger(seed)) {
  process.stderr.write(
    unknown === undefined
      ? '--seed takes a whole number.\n'
      : `There is no kind of fault ${unknown}; there are ${known.join(', ')}.\n`,
  );
  process.exit(2);
}

const opening = openLab();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    // Trials under way fail for what is taken from them.
    process.on('uncaughtException', () => undefined);
    await (await opening)[Symbol.asyncDispose]();
    process.exit(130);
  });
}
await using lab = await opening;
const summaries = await bringAbout(lab, { kinds: wanted, seed, full: !values.few }, (kind, { fault, wrong }) => {
  if (wrong.length > 0) process.stderr.write(`${kind}: ${fault}:\n  ${wrong.join('\n  ')}\n`);
});
process.stdout.write(values.json ? `${JSON.stringify(summaries, null, 2)}\n` : printed(summaries));
process.exitCode = summaries.every(held) ? 0 : 1;

function printed(all: Summary[]): string {
  const head = ['kind of fault', 'runs', 'faults', 'spared', 'rows filled', 'steps done', 'seconds', ''];
  const lines = all.map((each) => {
    const { kind, runs, injected, spared, rows, steps, seconds, wrong } = each;
    const verdict = held(each) ? 'all held' : wrong.length > 0 ? `${wrong.length} WENT WRONG` : 'NOTHING CAME ABOUT';
    return [kind, runs, injected, spared, rows, steps, seconds, verdict].map(String);
  });
  const widths = head.map((_, i) => Math.max(...[head, ...lines].map((line) => line[i]?.length ?? 0)));
  const pad = (cell: string, i: number) =>
    i === 0 || i === head.length - 1 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
  const table = [head, ...lines].map((line) => `${line.map(pad).join('  ').trimEnd()}\n`);
  return `${table.join('')}${all.map(sorted).join('')}seed ${seed}\n`;
}

function sorted({ kind, sorts }: Summary): string {
  const counts = Object.entries(sorts).map(([sort, count]) => `${count} ${sort}`);
  return counts.length === 0 ? '' : `${kind}: ${counts.join('; ')}\n`;
}
