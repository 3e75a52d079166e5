import { gate } from '../run/decide.ts';
import { type StepState, stepState } from '../run/state.ts';
import { undoEstimate } from '../run/undo.ts';
import { findStep, type PlannedActivity } from '../runbook/plan.ts';
import type { Step } from '../runbook/step-schema.ts';
import { focusStep, lateness } from './activities.ts';
import type { Followed } from './followed.ts';
import { duration, roughly, utcDay, utcMinute } from './format.ts';
import { BLANK, cut, type Line, line, paragraph, span, spread } from './lines.ts';
import type { Look } from './look.ts';
import { watchLine } from './narrate.ts';
import { progressLines, sampleLines } from './progress-lines.ts';
import { planNow, type Screen } from './store.ts';

/** Lines kept for the newest of the log, its heading included. */
const LOG = 5;
/** How long after its opening a run may have no conductor without that being worth a word, in ms. */
const STARTING = 20_000;
const AT_WORK = new Set(['running', 'undoing']);

/** Why nothing is being done right now, and what ends that. */
function standing({ runbook, state }: Followed, activity: PlannedActivity, now: number): Line {
  const startsAt = gate(runbook, state, activity);
  if (state.outcome) return line(state.outcome.why);
  if (!state.conductor && now - state.openedAt < STARTING) return line('The conductor is starting.', 'quiet');
  if (!state.conductor) return line('Nobody is at work on it; q leaves, and says how to carry on.', 'warn');
  if (state.stopping) return line('The conductor was asked to stop and leaves.', 'warn');
  if (state.paused) return line('Paused. Press p to carry on.', 'warn');
  if (now < startsAt)
    return line(`Begins in ${roughly(startsAt - now)}, at ${utcDay(startsAt)} ${utcMinute(startsAt)} UTC.`);
  return line('About to begin.', 'quiet');
}

function timer({ status, beganAt, undoBeganAt }: StepState, estimate: number, now: number): Line {
  const since = status === 'undoing' ? undoBeganAt : beganAt;
  if (since === null) return estimate > 0 ? line(`estimate ${roughly(estimate)}`, 'quiet') : [];
  const took = Math.max(0, now - since);
  const of = estimate > 0 ? ` of ${roughly(estimate)}` : '';
  return [span(duration(took), lateness(took, estimate)), span(of, 'quiet')];
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
function logTail({ log }: Followed, cells: number, height: number, look: Look): Line[] {
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
  const forward = step.estimate ?? (found?.activity.steps.length === 1 ? found.activity.estimate : 0);
  const estimate = at.status === 'undoing' ? undoEstimate(step, state) : forward;
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
  if (!busy && found) head.push(standing(followed, found.activity, now));
  if (busy && pulse && pulse.total > 0) {
    head.push(BLANK, ...progressLines(pulse, screen.rates, cells, height - head.length - 1 - LOG, look));
  } else if (busy && pulse?.note) head.push(BLANK, ...paragraph(pulse.note, cells));
  if (at.samples.length > 0) head.push(BLANK, ...sampleLines(at, cells, look));
  if (step.note) head.push(BLANK, ...paragraph(step.note, cells, 'plain'));
  return head;
}

function logLines(screen: Screen, followed: Followed, cells: number, height: number): Line[] {
  return [ruled('log', cells, screen.look), ...logTail(followed, cells, height - 1, screen.look)];
}

/** What goes on while a question waits, below it, when there is room: the step at work, if any, and the newest of the log. */
export function besideQuestion(screen: Screen, followed: Followed, cells: number, height: number): Line[] {
  const id = focusStep(followed.runbook, followed.state);
  const step = id === null ? undefined : findStep(followed.runbook, id)?.step;
  const busy = step && AT_WORK.has(stepState(followed.state, step.id).status);
  const about = busy ? [BLANK, ...aboutStep(screen, followed, step, cells, height)].slice(0, Math.max(0, height)) : [];
  const room = height - about.length - 1;
  return room < LOG ? about : [...about, BLANK, ...logLines(screen, followed, cells, room)];
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
  return [...top, BLANK, ...logLines(screen, followed, cells, height - top.length - 1)];
}
