import { listed, PHASES, type Phase, plannedMoment } from '../plan.ts';
import type { Rule } from './rule.ts';

const clock = (moment: number) => new Date(moment).toISOString().slice(11, 16);
const minutes = (ms: number) => `${Math.round(ms / 60_000)} min`;

/** The window opens before it closes, in zones that exist. */
export const window: Rule = ({ window }, report) => {
  if (window === undefined) return;
  if (window.closes <= window.opens) report(['window', 'closes'], 'the window closes before it opens');
  for (const [i, zone] of window.timezones.entries()) {
    if (!isZone(zone)) report(['window', 'timezones', i], `'${zone}' is no time zone; write one like Europe/Berlin`);
  }
};

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** The timeline is in order, nothing runs past the next planned start, and all of it fits the window. */
export const timeline: Rule = ({ window, activities }, report) => {
  if (window === undefined || window.closes <= window.opens) return;
  const { opens, closes } = window;
  for (const phase of PHASES) {
    let free = Number.NEGATIVE_INFINITY;
    let startedBefore = Number.NEGATIVE_INFINITY;
    let late = false;
    for (const { path, value } of activities.filter((each) => each.phase === phase)) {
      const start = plannedMoment(value.at, phase, window, opens);
      const end = start + value.estimate;
      const misplaced = wrongPhase(phase, value.at, start, opens, closes);
      if (misplaced) report([...path, 'at'], misplaced);
      else if (start < startedBefore)
        report([...path, 'at'], `'${value.id}' is planned before the activity above it; put the timeline in order`);
      else if (phase === 'window' && start < free) {
        report(
          [...path, 'at'],
          `'${value.id}' starts at ${clock(start)}, but what is above it takes until ${clock(free)} by its estimates`,
        );
      } else if (phase === 'window' && end > closes && !late) {
        late = true;
        report(
          [...path, 'estimate'],
          `'${value.id}' takes until ${clock(end)} by its estimate, ${minutes(end - closes)} after the window closes at ${clock(closes)}`,
        );
      }
      startedBefore = start;
      free = Math.max(free, end);
    }
  }
};

function wrongPhase(phase: Phase, at: string, start: number, opens: number, closes: number): string | undefined {
  if (phase === 'prepare' && !at.startsWith('-'))
    return `what is done to prepare is planned before the opening, like -48h, not ${at}`;
  if (phase === 'after' && !at.startsWith('+'))
    return `what is done afterwards is planned from the close, like +24h, not ${at}`;
  if (phase === 'window' && (start < opens || start >= closes)) {
    return `${at} lies outside the window, which is open from ${clock(opens)} to ${clock(closes)} UTC`;
  }
  return undefined;
}

/** What is watched is looked at more than once. */
export const rhythm: Rule = ({ steps }, report) => {
  for (const { path, value } of steps) {
    if (value.kind === 'monitor' && value.every > value.for)
      report([...path, 'every'], 'is longer than the whole of `for`; nothing would be sampled twice');
  }
};

/** The steps of an activity take no longer than the activity, where both are estimated. */
export const within: Rule = ({ activities, steps, lists }, report) => {
  for (const { path, value } of activities) {
    const own = steps.filter(({ path: [part, i] }) => part === path[0] && i === path[1]);
    const sum = own.reduce(
      (ms, { value: { estimate = 0, for_each } }) =>
        ms + estimate * (for_each === undefined ? 1 : listed(lists, for_each).length),
      0,
    );
    if (sum > value.estimate && value.estimate > 0) {
      report(
        [...path, 'estimate'],
        `the steps of '${value.id}' add up to ${minutes(sum)}, more than its own ${minutes(value.estimate)}`,
      );
    }
  }
};
