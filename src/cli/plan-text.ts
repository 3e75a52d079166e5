import { Temporal } from 'temporal-polyfill';
import { lockLines } from '../runbook/lock-lines.ts';
import { type Runbook, repeated } from '../runbook/plan.ts';
import { stepLocks } from '../runbook/step-locks.ts';
import type { Step } from '../runbook/step-schema.ts';
import { fill } from '../runbook/template.ts';
import { roughly } from '../ui/format.ts';
import { type Inert, inert, pad, width } from '../ui/inert.ts';

/** `Mon 10 Nov 02:00`, at a place given by its IANA name. */
function moment(at: number, zone: string): string {
  const there = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
  const day = there.toLocaleString('en-GB', { weekday: 'short', day: '2-digit', month: 'short' }).replace(',', '');
  return `${day} ${clock(at, zone)}`;
}

function clock(at: number, zone: string): string {
  return Temporal.Instant.fromEpochMilliseconds(at)
    .toZonedDateTimeISO(zone)
    .toPlainTime()
    .toString({ smallestUnit: 'minute' });
}

/** The timeline of a runbook: when in UTC and at each place, how long, whose, the steps, and what they lock. */
export function planText(runbook: Runbook): string {
  const { document, opens, closes } = runbook;
  const zones = ['UTC', ...document.window.timezones];
  const places = zones.map((zone) => inert(zone.split('/').at(-1)?.replaceAll('_', ' ') ?? zone));
  const role = (id: string) => inert(document.roles[id]?.title ?? id);
  const written = [...document.prepare, ...document.timeline, ...document.after, document.rollback];

  const rows = runbook.activities.map((activity, i) => {
    const rollback = activity.phase === 'rollback';
    return {
      cells: [
        ...zones.map((zone) => inert(rollback ? '' : moment(activity.startsAt, zone))),
        inert(activity.estimate > 0 ? roughly(activity.estimate) : ''),
        role(activity.owner),
        inert(activity.title),
      ],
      steps: (written[i]?.steps ?? []).flatMap((step) => [stepLine(runbook, step, role), ...locksOf(runbook, step)]),
      phase: activity.phase,
    };
  });
  const heads = [...places, inert('estimate'), inert('owner'), inert('activity')];
  const widths = heads.map((head, i) =>
    Math.max(width(head), ...rows.map(({ cells }) => width(cells[i] ?? inert('')))),
  );
  const line = (cells: Inert[]) =>
    cells
      .map((cell, i) => pad(cell, widths[i] ?? 0))
      .join('  ')
      .trimEnd();

  const window = zones.map((zone, i) => `${clock(opens, zone)}-${clock(closes, zone)} ${places[i]}`).join(' · ');
  return [
    inert(document.title),
    `${moment(opens, 'UTC')} · ${window} · ${roughly(closes - opens)}`,
    '',
    line(heads),
    ...rows.flatMap(({ cells, steps, phase }, i) => [
      ...(rows[i - 1]?.phase === phase ? [] : ['', TITLES[phase]]),
      line(cells),
      ...steps.map((step) => `      ${step}`),
    ]),
  ].join('\n');
}

const TITLES = {
  prepare: 'Before',
  window: 'The window',
  after: 'Afterwards',
  rollback: 'If it is rolled back',
} as const;

/** What a step as it is written locks, in all its repetitions. */
function locksOf(runbook: Runbook, step: Step): string[] {
  const steps = repeated(step, runbook.document.lists);
  return lockLines(steps.map((each) => stepLocks(runbook, each))).map((text) => `           locks ${inert(text)}`);
}

function stepLine({ document }: Runbook, step: Step, role: (id: string) => Inert): string {
  const items = step.for_each === undefined ? [] : (document.lists[step.for_each] ?? []);
  const title = fill(step.title, { settings: document.settings, item: { name: `each of ${step.for_each}` } }, 'keep');
  const notes = [
    ...(items.length > 0 ? [`${items.length} times`] : []),
    ...(step.estimate === undefined ? [] : [roughly(step.estimate)]),
    ...(step.owner === undefined ? [] : [role(step.owner)]),
    ...(step.when === undefined ? [] : [`if ${step.when.decision} is ${step.when.chose.join(' or ')}`]),
  ];
  return `${pad(inert(step.kind), 9)}  ${inert(title)}${notes.length > 0 ? inert(` (${notes.join(', ')})`) : ''}`;
}
