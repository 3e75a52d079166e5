import { parseArgs } from 'node:util';
import { openLab } from './lab.ts';
import { bringAbout, held, kinds, type Summary } from './suite.ts';

const HEAD = ['runs', 'faults', 'spared', 'rows filled', 'steps done', 'seconds'] as const;

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
const say = (text: string) => {
  if (!values.json) process.stdout.write(text);
};
say(row('kind of fault', HEAD, ''));
const summaries = await bringAbout(
  lab,
  { kinds: wanted, seed, full: !values.few },
  {
    onOutcome(kind, { fault, wrong }) {
      if (wrong.length > 0) process.stderr.write(`${kind}: ${fault}:\n  ${wrong.join('\n  ')}\n`);
    },
    onSummary: (summary) => say(told(summary)),
  },
);
process.stdout.write(values.json ? `${JSON.stringify(summaries, null, 2)}\n` : `seed ${seed}\n`);
process.exitCode = summaries.every(held) ? 0 : 1;

/** A line of the table, whose other lines are still to come: columns are as wide as their heads, and seven digits. */
function row(kind: string, cells: readonly (number | string)[], verdict: string): string {
  const numbers = cells.map((cell, i) => String(cell).padStart(Math.max(7, HEAD[i]?.length ?? 0)));
  return `${[kind.padEnd(13), ...numbers, verdict].join('  ').trimEnd()}\n`;
}

function told(summary: Summary): string {
  const { kind, runs, injected, spared, rows, steps, seconds, wrong, sorts } = summary;
  const verdict = held(summary) ? 'all held' : wrong.length > 0 ? `${wrong.length} WENT WRONG` : 'NOTHING CAME ABOUT';
  const counts = Object.entries(sorts).map(([sort, count]) => `${count} ${sort}`);
  const line = row(kind, [runs, injected, spared, rows, steps, seconds], verdict);
  return counts.length === 0 ? line : `${line}  ${counts.join('; ')}\n`;
}
