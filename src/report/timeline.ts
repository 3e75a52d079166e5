import { spell } from '../run/spell.ts';
import { inline, moment, section, table } from './markup.ts';
import type { Report } from './report.ts';
import type { ActivityTiming, StepTiming } from './timings.ts';

const span = (ms: number | null) => (ms === null ? '–' : spell(ms));
const spent = (ms: number) => (ms === 0 ? '' : spell(ms));
/** A deviation with its sign: `+12m`, `-3m 4s`. */
const deviation = (ms: number | null) => (ms === null ? '' : `${ms > 0 ? '+' : ''}${spell(ms)}`);

const PHASES = { prepare: 'before', window: 'window', after: 'after', rollback: 'rollback' } as const;
const RIGHT = ['Estimate', 'Took', 'Work', 'People', 'Plan', 'Over', 'Late', 'Attempts'];

function activityRow(activity: ActivityTiming): string[] {
  return [
    PHASES[activity.phase],
    moment(activity.plannedAt),
    inline(activity.title),
    inline(activity.owner),
    moment(activity.beganAt),
    deviation(activity.lateMs),
    activity.estimateMs === 0 ? '' : spell(activity.estimateMs),
    span(activity.tookMs),
    spent(activity.workMs),
    spent(activity.waitedMs),
    spent(activity.pausedMs),
    deviation(activity.overMs),
  ];
}

function stepRow(step: StepTiming): string[] {
  const said = [step.summary, step.reason === null ? '' : `reason: ${step.reason}`].filter((part) => part !== '');
  return [
    inline(step.title),
    step.undoMs > 0 ? `${step.status} in ${spell(step.undoMs)}` : step.status,
    step.estimateMs === null ? '' : spell(step.estimateMs),
    span(step.tookMs),
    spent(step.workMs),
    spent(step.waitedMs),
    deviation(step.overMs),
    step.attempts > 1 ? String(step.attempts) : '',
    inline(said.join('; ')),
  ];
}

const STEP_COLUMNS = ['Step', 'Status', 'Estimate', 'Took', 'Work', 'People', 'Over', 'Attempts', 'Result'];

/** Planned, estimated and actual, by activity. */
export function timeline({ activities }: Report): string | undefined {
  const columns = ['Phase', 'Planned', 'Activity', 'Owner', 'Began', 'Late', 'Estimate', 'Took', 'Work', 'People'];
  return section(
    2,
    'Timeline',
    'Moments are UTC. *Took* runs from beginning to end; of it, *Work* was the machine’s, *People* was waiting for an ' +
      'answer, *Plan* was waiting by plan or between attempts. *Late* is against the planned start, *Over* against the ' +
      'estimate.',
    table(
      [...columns, 'Plan', 'Over'],
      activities.filter((each) => each.phase !== 'rollback' || each.beganAt !== null).map(activityRow),
      RIGHT,
    ),
  );
}

/** The same, step by step; activities of which nothing has begun are left out. */
export function steps({ activities }: Report): string | undefined {
  const begun = activities.filter((activity) => activity.steps.some((step) => step.status !== 'pending'));
  return section(
    2,
    'Steps',
    ...begun.map((activity) =>
      section(3, inline(activity.title), table(STEP_COLUMNS, activity.steps.map(stepRow), RIGHT)),
    ),
  );
}

/** What the steps measured and left on record. */
export function facts({ activities }: Report): string | undefined {
  const rows = activities
    .flatMap((activity) => activity.steps)
    .flatMap((step) =>
      Object.entries(step.facts).map(([name, value]) => [inline(step.title), inline(name), inline(String(value))]),
    );
  return section(2, 'Facts', rows.length === 0 ? undefined : table(['Step', 'Fact', 'Value'], rows));
}
