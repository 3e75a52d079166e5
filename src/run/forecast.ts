import type { PlannedActivity, Runbook } from '../runbook/plan.ts';
import type { Step } from '../runbook/step-schema.ts';
import type { Pulse } from './journal/journal.ts';
import { FINISHED, type RunState, stepState } from './state.ts';
import { undoEstimate, undosDue } from './undo.ts';

/** When the window's work should be over, and how long one can still go back. Moments in ms since the epoch. */
export interface Forecast {
  /** Of the window's work, 0–100. */
  percent: number;
  finishAt: number;
  /** Positive: ahead of the close of the window. Negative: late. */
  earlyMs: number;
  /** How long undoing what has been done so far should take, in ms. */
  undoMs: number;
  /** Close of the window less `undoMs`. */
  latestRollbackAt: number;
}

function stepShare(step: Step, state: RunState, pulses: readonly Pulse[]): number {
  const { status } = stepState(state, step.id);
  if (FINISHED.has(status)) return 1;
  const pulse = status === 'running' ? pulses.find((each) => each.step === step.id) : undefined;
  return pulse && pulse.total > 0 ? Math.min(1, pulse.done / pulse.total) : 0;
}

/** What a step weighs in its activity, in ms: its estimate; those without one share what the others leave of the activity's. */
function weight(activity: PlannedActivity, step: Step): number {
  if (step.estimate !== undefined) return step.estimate;
  const left = activity.steps.reduce((rest, each) => rest - (each.estimate ?? 0), activity.estimate);
  return Math.max(0, left) / activity.steps.filter((each) => each.estimate === undefined).length;
}

/** How much of an activity is done, 0–1: its steps by their weights, evenly where they have none. */
function activityShare(activity: PlannedActivity, state: RunState, pulses: readonly Pulse[]): number {
  const { steps } = activity;
  if (steps.length === 0) return state.windowBeganAt === null ? 0 : 1;
  const total = steps.reduce((sum, step) => sum + weight(activity, step), 0);
  const share = (step: Step) => stepShare(step, state, pulses);
  if (total === 0) return steps.reduce((sum, step) => sum + share(step), 0) / steps.length;
  return steps.reduce((sum, step) => sum + share(step) * weight(activity, step), 0) / total;
}

function windowOf(runbook: Runbook): PlannedActivity[] {
  return runbook.activities.filter((activity) => activity.phase === 'window');
}

/** How much of the window's work is done, 0–100: its activities weighted by estimate. */
function percentComplete(runbook: Runbook, state: RunState, pulses: readonly Pulse[]): number {
  const activities = windowOf(runbook);
  const total = activities.reduce((sum, activity) => sum + activity.estimate, 0);
  if (total === 0) return 0;
  const done = activities.reduce((sum, each) => sum + each.estimate * activityShare(each, state, pulses), 0);
  return (100 * done) / total;
}

/** What an activity still needs, in ms: by the rate of the step at work where it shows one, else by estimate. */
function remaining(activity: PlannedActivity, state: RunState, pulses: readonly Pulse[], now: number): number {
  const byEstimate = activity.estimate * (1 - activityShare(activity, state, pulses));
  const running = activity.steps.find((step) => stepState(state, step.id).status === 'running');
  const pulse = running && pulses.find((each) => each.step === running.id);
  if (!running || !pulse || pulse.total === 0) return byEstimate;
  const share = pulse.done / pulse.total;
  const beganAt = stepState(state, running.id).beganAt ?? now;
  // The first few percent say nothing about a rate.
  if (share < 0.05) return byEstimate;
  const thisStep = ((now - beganAt) / share) * (1 - share);
  const later = activity.steps
    .filter((step) => step !== running && !FINISHED.has(stepState(state, step.id).status))
    .reduce((sum, step) => sum + weight(activity, step), 0);
  return thisStep + later;
}

/** The forecast that is always on the screen. `now` is the plan clock. */
export function forecast(runbook: Runbook, state: RunState, pulses: readonly Pulse[], now: number): Forecast {
  const from = Math.max(now, state.beginEarly ? now : runbook.opens);
  const left = windowOf(runbook).reduce((sum, activity) => sum + remaining(activity, state, pulses, now), 0);
  const undoMs =
    undosDue(runbook, state).reduce((sum, step) => sum + undoEstimate(step, state), 0) +
    runbook.document.rollback.estimate;
  // Once the way is back, what is left is the undos.
  const finishAt = state.rollback?.begunAt ? now + undoMs : from + left;
  return {
    percent: percentComplete(runbook, state, pulses),
    finishAt,
    earlyMs: runbook.closes - finishAt,
    undoMs,
    latestRollbackAt: runbook.closes - undoMs,
  };
}
