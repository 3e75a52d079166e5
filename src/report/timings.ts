import type { Facts } from '../run/events.ts';
import { type RunState, type StepStatus, stepState } from '../run/state.ts';
import type { Phase, PlannedActivity, Runbook } from '../runbook/plan.ts';
import type { Step, StepKind } from '../runbook/step-schema.ts';

/**
 * Where the time went, in ms. `tookMs` is from beginning to end by the plan clock; of that, `workMs` was the machine's,
 * `waitedMs` went by waiting for people, and the rest, `pausedMs`, was waiting by plan or between attempts.
 */
export interface Spent {
  beganAt: number | null;
  endedAt: number | null;
  tookMs: number | null;
  workMs: number;
  waitedMs: number;
  pausedMs: number;
}

export interface StepTiming extends Spent {
  id: string;
  title: string;
  kind: StepKind;
  status: StepStatus;
  estimateMs: number | null;
  /** Longer than estimated, when positive; null when there is no estimate or no end. */
  overMs: number | null;
  attempts: number;
  undoMs: number;
  summary: string;
  reason: string | null;
  exceptions: string[];
  facts: Facts;
}

export interface ActivityTiming extends Spent {
  id: string;
  title: string;
  phase: Phase;
  owner: string;
  plannedAt: number;
  estimateMs: number;
  /** Begun later than planned, when positive. */
  lateMs: number | null;
  overMs: number | null;
  steps: StepTiming[];
}

function spent(beganAt: number | null, endedAt: number | null, workMs: number, waitedMs: number): Spent {
  const tookMs = beganAt === null || endedAt === null ? null : endedAt - beganAt;
  return { beganAt, endedAt, tookMs, workMs, waitedMs, pausedMs: Math.max(0, (tookMs ?? 0) - workMs - waitedMs) };
}

function stepTiming(state: RunState, step: Step): StepTiming {
  const { status, attempt, beganAt, endedAt, workMs, waitedMs, undoMs, result, reason } = stepState(state, step.id);
  const time = spent(beganAt, beganAt === null ? null : endedAt, workMs, waitedMs);
  return {
    id: step.id,
    title: step.title,
    kind: step.kind,
    status,
    estimateMs: step.estimate ?? null,
    ...time,
    overMs: time.tookMs === null || step.estimate === undefined ? null : time.tookMs - step.estimate,
    attempts: attempt,
    undoMs,
    summary: result?.summary ?? '',
    reason,
    exceptions: [
      ...(result?.exceptions ?? []),
      ...(status === 'accepted' ? [`accepted: ${reason ?? 'no reason given'}`] : []),
    ],
    facts: result?.facts ?? {},
  };
}

const UNFINISHED = new Set<StepStatus>(['pending', 'running', 'asking', 'in-doubt', 'failed']);
const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0);

function activityTiming(runbook: Runbook, state: RunState, activity: PlannedActivity): ActivityTiming {
  const steps = activity.steps.map((step) => stepTiming(state, step));
  const begun = steps.flatMap(({ beganAt }) => (beganAt === null ? [] : [beganAt]));
  const ended = steps.flatMap(({ endedAt }) => (endedAt === null ? [] : [endedAt]));
  const beganAt = begun.length === 0 ? null : Math.min(...begun);
  const finished = ended.length > 0 && steps.every(({ status }) => !UNFINISHED.has(status));
  const time = spent(
    beganAt,
    finished ? Math.max(...ended) : null,
    sum(steps.map(({ workMs }) => workMs)),
    sum(steps.map(({ waitedMs }) => waitedMs)),
  );
  return {
    id: activity.id,
    title: activity.title,
    phase: activity.phase,
    owner: runbook.document.roles[activity.owner]?.title ?? activity.owner,
    plannedAt: activity.startsAt,
    estimateMs: activity.estimate,
    ...time,
    lateMs: beganAt === null || activity.phase === 'rollback' ? null : beganAt - activity.startsAt,
    overMs: time.tookMs === null || activity.estimate === 0 ? null : time.tookMs - activity.estimate,
    steps,
  };
}

/** Planned, estimated and actual times of every activity and step, in the runbook's order. */
export function timings(runbook: Runbook, state: RunState): ActivityTiming[] {
  return runbook.activities.map((activity) => activityTiming(runbook, state, activity));
}
