import type { Pulse } from '../run/journal/journal.ts';
import type { StepState } from '../run/state.ts';
import { count, roughly, share, short } from './format.ts';
import { bar, cell, cut, type Line, line, paragraph, span, spark } from './lines.ts';
import type { Look } from './look.ts';
import { type Rates, rateOf } from './rates.ts';

/** Cells of what is told beside a bar: percentage, rate, time left. */
const SUFFIX = 5 + 8 + 11;

interface Measured {
  name: string;
  done: number;
  total: number;
  state: 'waiting' | 'working' | 'done';
  rate: number | undefined;
}

function barLine({ name, done, total, state, rate }: Measured, nameCells: number, cells: number, look: Look): Line {
  const label = cell(name, nameCells, state === 'waiting' ? 'quiet' : 'plain');
  if (state === 'waiting') return [label, span('  waiting', 'quiet')];
  // A phase that cannot tell how far it is: of nothing, all would be done.
  if (state === 'working' && total === 0) return [label, span('  at work', 'now')];
  const room = Math.max(6, Math.min(30, cells - nameCells - 2 - SUFFIX));
  const part = state === 'done' ? 1 : share(done, total);
  const left = rate && rate > 0 && total > done ? `${roughly(((total - done) / rate) * 1_000)} left` : '';
  return cut(
    [
      label,
      span('  '),
      ...bar(part, room, look, state === 'done' ? 'good' : 'now'),
      ...(state === 'done'
        ? [cell(count(total), 9, 'plain', 'left'), span('  done', 'quiet')]
        : [
            cell(`${Math.floor(100 * part)}%`, 5, 'strong', 'left'),
            cell(rate === undefined ? '' : `${short(rate)}/s`, 8, 'quiet', 'left'),
            cell(left, 11, 'plain', 'left'),
          ]),
    ],
    cells,
    look,
  );
}

/** The parts to show when there is no room for all: those at work first, then what comes next, then what is done. */
function partsInView(parts: Measured[], height: number): Measured[] {
  if (parts.length <= height) return parts;
  const rank = { working: 0, waiting: 1, done: 2 };
  const chosen = new Set([...parts].sort((a, b) => rank[a.state] - rank[b.state]).slice(0, Math.max(1, height - 1)));
  return parts.filter((each) => chosen.has(each));
}

/** How far the step at work is, as a whole and in its parts, in at most `height` lines. */
export function progressLines(pulse: Pulse, rates: Rates, cells: number, height: number, look: Look): Line[] {
  const parts = (pulse.parts ?? []).map(
    (part): Measured => ({ ...part, rate: rateOf(rates, `${pulse.step}/${part.name}`) }),
  );
  const whole: Measured = {
    name: parts.length > 0 ? 'all' : pulse.unit,
    done: pulse.done,
    total: pulse.total,
    state: 'working',
    rate: rateOf(rates, pulse.step),
  };
  const total = parts.length === 1 ? [] : [whole];
  const note = pulse.note ? paragraph(pulse.note, cells) : [];
  const seen = partsInView(parts, height - total.length - note.length);
  const nameCells = Math.min(18, Math.max(...[...total, ...seen].map((each) => each.name.length)));
  const hidden = parts.length - seen.length;
  const rest = hidden === 0 ? [] : [line(`${look.glyphs.cut} and ${hidden} more`, 'quiet')];
  return [...[...total, ...seen].map((each) => barLine(each, nameCells, cells, look)), ...rest, ...note];
}

/** `rowsPerSecond` as `rows per second`. */
const worded = (key: string) => key.replace(/[a-z](?=[A-Z])/g, '$& ').toLowerCase();

/** The newest of what a step has sampled, each number with its course. */
export function sampleLines({ samples }: StepState, cells: number, look: Look): Line[] {
  const keys = Object.keys(samples.at(-1)?.values ?? {}).slice(0, 6);
  const nameCells = Math.min(24, Math.max(0, ...keys.map((key) => worded(key).length)));
  return keys.map((key) => {
    const values = samples.flatMap((each) => each.values[key] ?? []);
    const newest = values.at(-1) ?? 0;
    const shown = Number.isInteger(newest) ? count(newest) : newest.toFixed(1);
    const room = Math.max(4, Math.min(30, cells - nameCells - 14));
    return [
      cell(worded(key), nameCells, 'quiet'),
      cell(shown, 10, 'plain', 'left'),
      span('  '),
      span(spark(values, room, look), 'now'),
    ];
  });
}
