import { type RunState, type StepStatus, stepState } from '../run/state.ts';
import type { PlannedActivity, Runbook } from '../runbook/plan.ts';
import type { Glyphs, Tone } from './look.ts';

/** How one activity of the timeline stands. Moments of the plan clock, durations in ms. */
export interface ActivityView {
  activity: PlannedActivity;
  mark: keyof Glyphs;
  tone: Tone;
  /** From its first step's beginning to its last step's end, or to now; null before it began. */
  tookMs: number | null;
  current: boolean;
}

const AT_WORK: readonly StepStatus[] = ['running', 'asking', 'in-doubt', 'failed', 'undoing', 'undo-failed'];
const SETTLED: readonly StepStatus[] = ['done', 'accepted', 'skipped', 'undone'];

export const STEP_MARK: Record<StepStatus, { mark: keyof Glyphs; tone: Tone }> = {
  pending: { mark: 'pending', tone: 'quiet' },
  running: { mark: 'running', tone: 'now' },
  asking: { mark: 'asking', tone: 'warn' },
  'in-doubt': { mark: 'asking', tone: 'warn' },
  failed: { mark: 'failed', tone: 'bad' },
  done: { mark: 'done', tone: 'good' },
  accepted: { mark: 'accepted', tone: 'warn' },
  skipped: { mark: 'skipped', tone: 'quiet' },
  undoing: { mark: 'undone', tone: 'now' },
  'undo-failed': { mark: 'failed', tone: 'bad' },
  undone: { mark: 'undone', tone: 'quiet' },
};

/** Amber past an estimate, red past one and a half of it. */
export function lateness(tookMs: number, estimateMs: number): Tone {
  if (estimateMs <= 0 || tookMs <= estimateMs) return 'plain';
  return tookMs > 1.5 * estimateMs ? 'bad' : 'warn';
}

function goingBack({ rollback }: RunState): boolean {
  return rollback !== null && rollback.begunAt !== null;
}

function shownActivities(runbook: Runbook, state: RunState): PlannedActivity[] {
  return runbook.activities.filter((each) => each.phase !== 'rollback' || state.rollback !== null);
}

/** The id of the step at work, or of the next one to come; null when nothing is left. */
export function focusStep(runbook: Runbook, state: RunState): string | null {
  const steps = shownActivities(runbook, state).flatMap((each) => each.steps);
  const status = (id: string) => stepState(state, id).status;
  const atWork =
    steps.findLast((each) => status(each.id) === 'undoing' || status(each.id) === 'running') ??
    steps.find((each) => AT_WORK.includes(status(each.id)));
  if (atWork) return atWork.id;
  if (state.outcome !== null) return null;
  const ahead = goingBack(state) ? (runbook.activities.find((each) => each.phase === 'rollback')?.steps ?? []) : steps;
  return ahead.find((each) => status(each.id) === 'pending')?.id ?? null;
}

function summarise(
  activity: PlannedActivity,
  state: RunState,
  begunLater: boolean,
): Pick<ActivityView, 'mark' | 'tone'> {
  const statuses = activity.steps.map((each) => stepState(state, each.id).status);
  const first = (...wanted: StepStatus[]) => wanted.find((each) => statuses.includes(each));
  const urgent = first('undo-failed', 'failed', 'in-doubt', 'asking', 'undoing', 'running');
  if (urgent) return STEP_MARK[urgent];
  if (goingBack(state) && statuses.includes('undone')) return STEP_MARK.undone;
  if (statuses.length === 0) return STEP_MARK[begunLater ? 'done' : 'pending'];
  if (statuses.every((each) => SETTLED.includes(each))) {
    return STEP_MARK[first('undone', 'accepted', 'done') ?? 'skipped'];
  }
  return statuses.every((each) => each === 'pending') ? STEP_MARK.pending : STEP_MARK.running;
}

/** Every activity that is to be shown, in the order of the runbook; the rollback only once somebody wants it. */
export function activityViews(runbook: Runbook, state: RunState, now: number): ActivityView[] {
  const focus = focusStep(runbook, state);
  const shown = shownActivities(runbook, state);
  const begun = shown.map((each) => each.steps.some((step) => stepState(state, step.id).beganAt !== null));
  return shown.map((activity, index) => {
    const steps = activity.steps.map((each) => stepState(state, each.id));
    const began = steps.flatMap((each) => each.beganAt ?? []);
    const ended = steps.flatMap((each) => each.endedAt ?? []);
    const open = !goingBack(state) && steps.some((each) => !SETTLED.includes(each.status));
    const last = ended.length === 0 ? null : Math.max(...ended);
    const end = open && state.outcome === null ? now : last;
    return {
      activity,
      ...summarise(activity, state, begun.slice(index + 1).includes(true)),
      tookMs: began.length === 0 || end === null ? null : Math.max(0, end - Math.min(...began)),
      current: activity.steps.some((each) => each.id === focus),
    };
  });
}
