import { type StepState, stepState } from '../run/state.ts';
import { type ActivityView, activityViews, focusStep, lateness, STEP_MARK } from './activities.ts';
import type { Followed } from './followed.ts';
import { duration, roughly, utcDay, utcMinute } from './format.ts';
import { cell, type Line, line, span } from './lines.ts';
import type { Look } from './look.ts';
import { planNow, type Screen } from './store.ts';

const WHEN = 6;
const ESTIMATE = 5;
const TOOK = 7;
/** Up to this height, only activities are shown. */
const FEW = 8;
/** Steps of the activity at work that are shown in any case. */
const STEPS = 4;
const FIXED = 2 + WHEN + 1 + ESTIMATE + 1 + TOOK;

function activityLine(view: ActivityView, cells: number, look: Look): Line {
  const { activity, tookMs, current } = view;
  const when = activity.phase === 'window' ? utcMinute(activity.startsAt) : utcDay(activity.startsAt);
  const settled = view.mark === 'done' || view.mark === 'skipped';
  return [
    span(`${look.glyphs[view.mark]} `, view.tone),
    cell(activity.phase === 'rollback' ? '' : when, WHEN, 'quiet'),
    cell(` ${activity.title}`, cells - FIXED + 1, current ? 'now' : settled ? 'quiet' : 'plain'),
    cell(activity.estimate > 0 ? roughly(activity.estimate) : '', ESTIMATE, 'quiet', 'left'),
    cell(tookMs === null ? '' : duration(tookMs), TOOK + 1, lateness(tookMs ?? 0, activity.estimate), 'left'),
  ];
}

/** How long a step has been at work, or was; in a rollback how long its undo has. Null before it began. */
function stepTook({ status, beganAt, undoBeganAt, workMs, undoMs }: StepState, now: number): number | null {
  if (status === 'running' && beganAt !== null) return Math.max(0, now - beganAt);
  if (status === 'undoing' && undoBeganAt !== null) return Math.max(0, now - undoBeganAt);
  const took = status === 'undone' ? undoMs : workMs;
  return took > 0 ? took : null;
}

/** The steps of the activity at work. */
function stepLines({ runbook, state }: Followed, view: ActivityView, now: number, cells: number, look: Look): Line[] {
  const focus = focusStep(runbook, state);
  return view.activity.steps.map((step) => {
    const at = stepState(state, step.id);
    const { mark, tone } = STEP_MARK[at.status];
    const took = stepTook(at, now);
    const late = took === null || at.status !== 'running' ? 'quiet' : lateness(took, step.estimate ?? 0);
    return [
      span(`${' '.repeat(WHEN - 1)}`),
      span(`${look.glyphs[mark]} `, tone),
      cell(step.title, cells - WHEN - 1 - TOOK - 1, step.id === focus ? 'strong' : 'quiet'),
      cell(took === null ? '' : duration(took), TOOK + 1, late === 'plain' ? 'quiet' : late, 'left'),
    ];
  });
}

/** `height` of the lines, around the one that matters; a count says what is left out at either end. */
export function around(lines: Line[], focus: number, height: number, look: Look): Line[] {
  if (lines.length <= height) return lines;
  const from = Math.max(0, Math.min(lines.length - height, focus - Math.floor(height / 3)));
  const shown = lines.slice(from, from + height);
  const after = lines.length - from - height;
  if (height >= 4 && from > 0) shown[0] = line(`  ${look.glyphs.cut} ${from + 1} before`, 'quiet');
  if (height >= 4 && after > 0) shown[height - 1] = line(`  ${look.glyphs.cut} ${after + 1} more`, 'quiet');
  return shown;
}

/** The timeline, one activity a line, the steps of the one at work beneath it when there is room for them. */
export function timelineLines(screen: Screen, followed: Followed, cells: number, height: number): Line[] {
  const { look } = screen;
  const now = planNow(screen);
  const views = activityViews(followed.runbook, followed.state, now);
  const focus = focusStep(followed.runbook, followed.state);
  const heading: Line = [
    cell('', 2),
    cell('plan', WHEN, 'quiet'),
    cell(' activity', cells - FIXED + 1, 'quiet'),
    cell('est', ESTIMATE, 'quiet', 'left'),
    cell('took', TOOK + 1, 'quiet', 'left'),
  ];
  const roomy = height > FEW;
  const body: Line[] = [];
  let at = -1;
  for (const view of views) {
    if (view.current) at = body.length;
    body.push(activityLine(view, cells, look));
    if (!view.current || !roomy) continue;
    const focused = view.activity.steps.findIndex((step) => step.id === focus);
    const room = Math.max(STEPS, height - 1 - views.length);
    body.push(...around(stepLines(followed, view, now, cells, look), focused, room, look));
  }
  const seen = around(body, at < 0 ? body.length - 1 : at, roomy ? height - 1 : height, look);
  return roomy ? [heading, ...seen] : seen;
}
