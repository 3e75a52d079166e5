import type { Pulse } from '../run/journal.ts';
import { type StepState, stepState } from '../run/state.ts';
import { findStep } from '../runbook/plan.ts';
import type { Step } from '../runbook/step-schema.ts';
import { focusStep, lateness } from './activities.ts';
import { count, duration, roughly, share, short, utcDay, utcMinute } from './format.ts';
import { BLANK, bar, cell, cut, type Line, line, paragraph, span, spark, spread } from './lines.ts';
import type { Look } from './look.ts';
import { watchLine } from './narrate.ts';
import { type Rates, rateOf } from './rates.ts';
import { type Followed, planNow, type Screen } from './store.ts';

/** Lines kept for the newest of the log, its heading included. */
const LOG = 5;
/** Cells of what is told beside a bar: percentage, rate, time left. */
const SUFFIX = 5 + 8 + 11;
const AT_WORK = new Set(['running', 'undoing']);

/** Why nothing is being done right now, and what ends that. */
function standing({ state }: Followed, startsAt: number, now: number): Line {
  if (state.outcome) return line(state.outcome.why);
  if (!state.conductor) return line('Nobody is at work on this run. `runbook run` carries on with it.', 'warn');
  if (state.stopping) return line('The conductor was asked to stop and leaves.', 'warn');
  if (state.paused) return line('Paused. Press p to carry on.', 'warn');
  if (now < startsAt)
    return line(`Begins in ${roughly(startsAt - now)}, at ${utcDay(startsAt)} ${utcMinute(startsAt)} UTC.`);
  return line('About to begin.', 'quiet');
}

function timer(step: StepState, estimate: number, now: number): Line {
  // When an undo began is not on record; what the step itself took would mislead.
  if (step.status === 'undoing') return [];
  if (step.beganAt === null) return estimate > 0 ? line(`estimate ${roughly(estimate)}`, 'quiet') : [];
  const took = now - step.beganAt;
  const of = estimate > 0 ? ` of ${roughly(estimate)}` : '';
  return [span(duration(took), lateness(took, estimate)), span(of, 'quiet')];
}

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

function progressLines(pulse: Pulse, rates: Rates, cells: number, height: number, look: Look): Line[] {
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
  const note = pulse.note ? paragraph(pulse.note, cells, 'warn') : [];
  const seen = partsInView(parts, height - total.length - note.length);
  const nameCells = Math.min(18, Math.max(...[...total, ...seen].map((each) => each.name.length)));
  const hidden = parts.length - seen.length;
  const rest = hidden === 0 ? [] : [line(`${look.glyphs.cut} and ${hidden} more`, 'quiet')];
  return [...[...total, ...seen].map((each) => barLine(each, nameCells, cells, look)), ...rest, ...note];
}

function sampleLines({ samples }: StepState, cells: number, look: Look): Line[] {
  const keys = Object.keys(samples.at(-1)?.values ?? {}).slice(0, 6);
  const nameCells = Math.min(24, Math.max(0, ...keys.map((key) => key.length)));
  return keys.map((key) => {
    const values = samples.flatMap((each) => each.values[key] ?? []);
    const newest = values.at(-1) ?? 0;
    const shown = Number.isInteger(newest) ? count(newest) : newest.toFixed(1);
    const room = Math.max(4, Math.min(30, cells - nameCells - 14));
    return [
      cell(key, nameCells, 'quiet'),
      cell(shown, 10, 'plain', 'left'),
      span('  '),
      span(spark(values, room, look), 'now'),
    ];
  });
}

function watchLines({ runbook, state }: Followed, cells: number): Line[] {
  return runbook.document.watches.flatMap(({ id, title }) => {
    const watch = state.watches[id];
    if (!watch) return [];
    const told = watchLine(watch.asked, watch.failed, watch.downMs, watch.p99Ms);
    return paragraph(`${title}: ${told}`, cells, watch.failed > 0 ? 'warn' : 'quiet');
  });
}

function ruled(title: string, cells: number, look: Look): Line {
  return [span(`${title} `, 'quiet'), span(look.glyphs.rule.repeat(Math.max(0, cells - title.length - 1)), 'quiet')];
}

/** The end of the log, newest last, one line an event. What has begun is left out: it stands above, or has ended. */
export function logTail({ log }: Followed, cells: number, height: number, look: Look): Line[] {
  const tail = height <= 0 ? [] : log.filter(({ mark }) => mark !== 'running').slice(-height);
  return tail.map(({ at, mark, text, tone }) =>
    cut(
      [
        span(`${utcMinute(at)} `, 'quiet'),
        span(`${look.glyphs[mark]} `, tone),
        span(text, tone === 'good' ? 'plain' : tone),
      ],
      cells,
      look,
    ),
  );
}

function aboutStep(screen: Screen, followed: Followed, step: Step, cells: number, height: number): Line[] {
  const { runbook, state } = followed;
  const { look } = screen;
  const now = planNow(screen);
  const found = findStep(runbook, step.id);
  const at = stepState(state, step.id);
  const owner = step.owner ?? found?.activity.owner ?? '';
  const estimate = step.estimate ?? (found?.activity.steps.length === 1 ? found.activity.estimate : 0);
  const busy = AT_WORK.has(at.status);
  const pulse = screen.pulses.find((each) => each.step === step.id);
  const head: Line[] = [
    spread(
      [span(at.status === 'undoing' ? 'Undoing: ' : busy ? '' : 'Next: ', 'quiet'), span(step.title, 'strong')],
      timer(at, estimate, now),
      cells,
      look,
    ),
    [
      span(runbook.document.roles[owner]?.title ?? owner, 'quiet'),
      span(at.attempt > 1 ? ` ${look.glyphs.dot} attempt ${at.attempt}` : '', 'quiet'),
    ],
  ];
  if (!busy) head.push(...[standing(followed, found?.activity.startsAt ?? 0, now)]);
  if (busy && pulse && pulse.total > 0) {
    head.push(BLANK, ...progressLines(pulse, screen.rates, cells, height - head.length - 1 - LOG, look));
  } else if (busy && pulse?.note) head.push(BLANK, ...paragraph(pulse.note, cells, 'warn'));
  if (at.samples.length > 0) head.push(BLANK, ...sampleLines(at, cells, look));
  if (step.note) head.push(BLANK, ...paragraph(step.note, cells, 'plain'));
  return head;
}

/** The step at work, or the next one, above the newest of the log. */
export function stepLines(screen: Screen, followed: Followed, cells: number, height: number): Line[] {
  const id = focusStep(followed.runbook, followed.state);
  const found = id === null ? undefined : findStep(followed.runbook, id);
  const about = found
    ? aboutStep(screen, followed, found.step, cells, height)
    : [line(followed.state.outcome?.why ?? 'Nothing is left to do.', 'strong')];
  const watches = watchLines(followed, cells);
  const top = [...about, ...(watches.length > 0 ? [BLANK, ...watches] : [])].slice(0, Math.max(1, height - LOG));
  const room = height - top.length - 2;
  return [...top, BLANK, ruled('log', cells, screen.look), ...logTail(followed, cells, room, screen.look)];
}
