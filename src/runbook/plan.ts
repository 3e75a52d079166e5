import { parseDuration } from './fields.ts';
import type { Activity, Document, Item, Sources } from './schema.ts';
import type { Step } from './step-schema.ts';
import { fill } from './template.ts';

export const PHASES = ['prepare', 'window', 'after', 'rollback'] as const;
export type Phase = (typeof PHASES)[number];

/** A row of the timeline with its moment worked out and its steps repeated for each item. Times in ms since the epoch. */
export interface PlannedActivity {
  id: string;
  title: string;
  phase: Phase;
  startsAt: number;
  estimate: number;
  owner: string;
  steps: Step[];
}

/** A runbook ready to run: the document, the files it names, and its timeline for one opening. */
export interface Runbook {
  document: Document;
  sources: Sources;
  opens: number;
  closes: number;
  activities: PlannedActivity[];
}

const DAY = 86_400_000;

/** The moment an activity is planned for, in ms since the epoch, when the window opens at `opens`. */
export function plannedMoment(at: string, phase: Phase, window: Document['window'], opens: number): number {
  const shift = opens - window.opens;
  if (at.startsWith('-')) return opens - (parseDuration(at.slice(1)) ?? 0);
  if (at.startsWith('+')) {
    return (phase === 'after' ? window.closes + shift : opens) + (parseDuration(at.slice(1)) ?? 0);
  }
  const [hours = 0, minutes = 0] = at.split(':').map(Number);
  const midnight = Math.floor(window.opens / DAY) * DAY;
  const moment = midnight + hours * 3_600_000 + minutes * 60_000;
  return (moment < window.opens ? moment + DAY : moment) + shift;
}

/** The steps a written step stands for: itself, or one for each item of its `for_each`. */
export function repeated(step: Step, lists: Document['lists']): Step[] {
  if (step.for_each === undefined) return [step];
  const { for_each, ...once } = step;
  const items = listed(lists, for_each);
  return items.map((item) => {
    const copy = fillStrings(once, item) as Step;
    return { ...copy, id: `${step.id}.${called(item, items)}` };
  });
}

/** Fills `{{item.…}}` in every string of a step; other placeholders are left for their own moment. */
function fillStrings(value: unknown, item: Item): unknown {
  if (typeof value === 'string') return fill(value, { item }, 'keep');
  if (Array.isArray(value)) return value.map((each) => fillStrings(each, item));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fillStrings(each, item)]));
  }
  return value;
}

/** What an opening may change about a document: when the window opens (ms since the epoch), and settings. */
export interface Opening {
  opens?: number;
  settings?: Record<string, string>;
}

/**
 * Works a document out into a timeline. When the window opens at another time than planned, every other moment moves
 * along with it.
 */
export function planRunbook(written: Document, sources: Sources, opening: Opening = {}): Runbook {
  const document = { ...written, settings: { ...written.settings, ...opening.settings } };
  const opens = opening.opens ?? document.window.opens;
  const closes = document.window.closes + (opens - document.window.opens);
  const planned = (phase: Phase) => (activity: Activity) => ({
    id: activity.id,
    title: activity.title,
    phase,
    startsAt: plannedMoment(activity.at, phase, document.window, opens),
    estimate: activity.estimate,
    owner: activity.owner,
    steps: activity.steps.flatMap((step) => repeated(step, document.lists)),
  });
  const rollback: PlannedActivity = {
    id: 'rollback',
    title: 'Rollback',
    phase: 'rollback',
    startsAt: closes,
    estimate: document.rollback.estimate,
    owner: document.rollback.approver,
    steps: document.rollback.steps.flatMap((step) => repeated(step, document.lists)),
  };
  return {
    document,
    sources,
    opens,
    closes,
    activities: [
      ...document.prepare.map(planned('prepare')),
      ...document.timeline.map(planned('window')),
      ...document.after.map(planned('after')),
      rollback,
    ],
  };
}

/** Whether anything of it is to be asked of a database, or done there; else it is run without one. */
export function worksOnDatabase({ sources, activities }: Runbook): boolean {
  // Every file that a runbook names is SQL.
  if (Object.keys(sources.files).length > 0) return true;
  const steps = activities.flatMap((activity) => activity.steps);
  return steps.some(
    (step) => step.kind === 'policies' || (step.kind === 'check' && (step.catalog ?? step.rows) !== undefined),
  );
}

/** The step of this id, with the activity it belongs to; undefined when there is none. */
export function findStep(runbook: Runbook, id: string): { activity: PlannedActivity; step: Step } | undefined {
  for (const activity of runbook.activities) {
    const step = activity.steps.find((each) => each.id === id);
    if (step) return { activity, step };
  }
  return undefined;
}

/** The steps that a name in the document stands for: one, or each repetition of one. Empty when there is none. */
export function stepsCalled(runbook: Runbook, name: string): Step[] {
  const steps = runbook.activities.flatMap((activity) => activity.steps);
  return steps.filter(({ id }) => id === name || id.startsWith(`${name}.`));
}

/** The items of a list; none when there is no such list. */
export function listed(lists: Document['lists'], name: string | undefined): Item[] {
  return name !== undefined && Object.hasOwn(lists, name) ? (lists[name] ?? []) : [];
}

/** What an item is called among those of its list: its name, behind its schema where another has that name, too. */
export function called(item: Item, items: Item[]): string {
  const name = item.name ?? '';
  const alike = items.filter((other) => other.name === name);
  return alike.length > 1 ? `${item.schema ?? 'public'}.${name}` : name;
}

/** The items of a runbook's list; empty when the step names none. */
export function itemsOf(runbook: Runbook, list: string | undefined): Item[] {
  return listed(runbook.document.lists, list);
}
