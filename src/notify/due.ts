import type { OutgoingMessage } from '../run/events.ts';
import type { Outlook } from '../run/outbox.ts';
import { type RunState, stepState } from '../run/state.ts';
import { windowSpan } from '../run/window.ts';
import type { Phase, Runbook } from '../runbook/plan.ts';
import { fill, type Scope } from '../runbook/template.ts';
import { messageScope } from './scope.ts';

/** A message that is wanted: which, since when, and by what name it is known, so that it goes out once. */
interface Wanted {
  id: string;
  message: string;
  at: number;
}

const HALF_AN_HOUR = 30 * 60_000;

/** One message of the runbook with its placeholders filled; nothing when the runbook has no such message. */
export function renderMessage(runbook: Runbook, { id, message, at }: Wanted, scope: Scope): OutgoingMessage[] {
  const written = runbook.document.messages[message];
  if (!written) return [];
  // A placeholder that `check` did not know is left to be seen: a message must never stop a migration.
  const filled = (text: string) => fill(text, scope, 'keep');
  const subject = written.subject === undefined ? {} : { subject: filled(written.subject).replace(/\s+/g, ' ').trim() };
  const common = { id, message, ...subject, body: filled(written.body), dueAt: at };
  if (written.mail !== undefined) return [{ ...common, channel: 'mail', audience: written.mail }];
  return [{ ...common, channel: 'status', ...(written.status === undefined ? {} : { state: written.status }) }];
}

/** What finished steps want said. After the run has ended, only what belongs to its end is still news. */
function owedBySteps(runbook: Runbook, state: RunState): Wanted[] {
  const phases: Phase[] =
    state.outcome === null || state.outcome.outcome === 'done'
      ? ['prepare', 'window', 'after', 'rollback']
      : state.outcome.outcome === 'rolled-back'
        ? ['rollback']
        : [];
  return runbook.activities
    .filter((activity) => phases.includes(activity.phase))
    .flatMap((activity) => activity.steps)
    .flatMap((step) => {
      const { status, result, endedAt } = stepState(state, step.id);
      if (status !== 'done' && status !== 'accepted') return [];
      return (result?.owes ?? []).map((message) => ({
        id: `owed:${step.id}:${message}`,
        message,
        at: endedAt ?? state.lastAt,
      }));
    });
}

type Trouble = 'rolling-back' | 'rollback-wanted' | 'late';

/**
 * Whether the window is in trouble that people outside should hear of. A forecast counts only within one cadence of the
 * close: earlier it is too young to alarm everybody with a mail that cannot be called back.
 */
function troubleOf(runbook: Runbook, state: RunState, outlook: Outlook, now: number): Trouble | null {
  if (state.rollback) return state.rollback.begunAt === null ? 'rollback-wanted' : 'rolling-back';
  const every = runbook.document.status?.every ?? HALF_AN_HOUR;
  const forecastCounts = now >= runbook.closes - every && outlook.finishAt > runbook.closes;
  return now >= runbook.closes || forecastCounts ? 'late' : null;
}

/**
 * The announcement that it takes longer. A mail to everybody waits until a rollback has been approved; a post does not. The
 * mail is repeated for as long as it lasts; posts have the cadence of the status page.
 */
function announced(runbook: Runbook, state: RunState, trouble: Trouble, now: number): Wanted[] {
  const { messages, announce } = runbook.document;
  const isPost = (message: string) => messages[message]?.status !== undefined;
  return announce.extended
    .filter((message) => trouble !== 'rollback-wanted' || isPost(message))
    .flatMap((message) => {
      const first = { id: `announce:${trouble}:${message}`, message, at: now };
      if (!(first.id in state.messages) || announce.every === undefined || isPost(message)) return [first];
      const said = Object.values(state.messages).filter((each) => each.message.message === message);
      const last = Math.max(...said.map((each) => each.message.dueAt));
      return now - last < announce.every ? [] : [{ ...first, id: `announce:again-${said.length}:${message}` }];
    });
}

/** The post for having come so far. Of several percentages passed at once, the highest. */
function percentPost(runbook: Runbook, state: RunState, outlook: Outlook, now: number): Wanted[] {
  const { status } = runbook.document;
  if (!status) return [];
  const id = (percent: number) => `status:${percent}%`;
  const falling = status.at_percent.toSorted((a, b) => b - a);
  const highest = falling.find((each) => outlook.percent >= each || id(each) in state.messages);
  return highest === undefined ? [] : [{ id: id(highest), message: status.message, at: now }];
}

/**
 * The post of the status cadence: one for each stretch of `status.every` since the opening, and none where another post
 * has already been made in that stretch. Stretches slept through are not made up for.
 */
function cadencePost(
  runbook: Runbook,
  state: RunState,
  trouble: Trouble | null,
  others: Wanted[],
  now: number,
): Wanted[] {
  const { status, messages, announce } = runbook.document;
  if (!status || state.windowBeganAt === null) return [];
  const stretch = Math.floor((now - runbook.opens) / status.every);
  const at = Math.max(state.windowBeganAt, runbook.opens + stretch * status.every);
  const isPost = (message: string) => messages[message]?.status !== undefined;
  const posted = Object.values(state.messages).some(
    ({ message }) => message.channel === 'status' && message.dueAt >= at,
  );
  if (posted || others.some((each) => isPost(each.message) && each.at >= at)) return [];
  const texts = trouble === null ? [status.message] : announce.extended.filter(isPost);
  return texts.map((message) => ({ id: `status:${stretch}:${message}`, message, at }));
}

function inWindow(runbook: Runbook, state: RunState, outlook: Outlook, owed: Wanted[], now: number): Wanted[] {
  const { beganAt, endedAt } = windowSpan(runbook, state);
  if (beganAt === null || endedAt !== null) return [];
  const trouble = troubleOf(runbook, state, outlook, now);
  const news = trouble === null ? percentPost(runbook, state, outlook, now) : announced(runbook, state, trouble, now);
  const fresh = [...owed, ...news].filter((each) => !(each.id in state.messages));
  return [...news, ...cadencePost(runbook, state, trouble, fresh, now)];
}

/**
 * What is said about how the run ended. Who never heard of the window is not told that it is off; and it is not off when its
 * work is over, or when half of it has been taken back: what to say then is for people to say.
 */
function aboutTheEnd(runbook: Runbook, state: RunState): Wanted[] {
  const { announce, messages } = runbook.document;
  const { outcome } = state;
  if (!outcome || outcome.outcome === 'done') return [];
  const { endedAt } = windowSpan(runbook, state);
  const goingBack = state.rollback !== null && state.rollback.begunAt !== null;
  if (outcome.outcome === 'aborted' && (goingBack || (endedAt !== null && endedAt < outcome.at))) return [];
  const said = Object.values(state.messages).map(({ message }) => message);
  const heard = (name: string) => said.some((each) => each.audience === messages[name]?.mail);
  const names = outcome.outcome === 'aborted' ? announce.cancelled.filter(heard) : announce.rolled_back;
  return names.map((message) => ({ id: `announce:${outcome.outcome}:${message}`, message, at: outcome.at }));
}

/**
 * Every message that should have gone out by `now` and is not in the state yet. Pure; the ids follow from what happened,
 * so a message that is on record is never wanted again.
 * @param now plan clock, ms since the epoch
 */
export function dueMessages(runbook: Runbook, state: RunState, outlook: Outlook, now: number): OutgoingMessage[] {
  const owed = owedBySteps(runbook, state);
  const wanted = [...owed, ...inWindow(runbook, state, outlook, owed, now), ...aboutTheEnd(runbook, state)];
  const fresh = wanted.filter((each) => !(each.id in state.messages));
  const scope = messageScope(runbook, state, outlook, now);
  return fresh.flatMap((each) => renderMessage(runbook, each, scope));
}
