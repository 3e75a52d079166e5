import { givesWord } from '../run/answering/prompts.ts';
import { PROOF_WORDS } from '../run/answering/proof.ts';
import { type VerdictKind, verdicts } from '../run/criteria.ts';
import { decide } from '../run/decide.ts';
import { forecast } from '../run/forecast.ts';
import type { Pulse } from '../run/journal/journal.ts';
import { type RunState, stepState, unsent } from '../run/state.ts';
import { undosDue } from '../run/undo.ts';
import { windowSpan } from '../run/window.ts';
import type { Runbook } from '../runbook/plan.ts';
import { activityViews } from './activities.ts';
import { commandLine, type Place, placeOf } from './commands.ts';
import { duration, plural, roughly, utcDay, utcMinute } from './format.ts';
import { type Inert, inert, pad, width, wrap } from './inert.ts';
import type { Glyphs, Look } from './look.ts';
import { personName } from './narrate.ts';
import { openPrompts } from './view.ts';

/** A summary fits the narrowest of usual terminals, and a mail. */
const CELLS = 80;

/** What a summary is made of. `now` is the plan clock, in ms since the epoch. */
export interface Summarised {
  runbook: Runbook;
  state: RunState;
  journal: Place['journal'];
  pulses: readonly Pulse[];
  now: number;
}

const OUTCOME = { done: 'done', aborted: 'aborted', 'rolled-back': 'rolled back' } as const;

const VERDICT: Record<VerdictKind, { mark: keyof Glyphs; says: string }> = {
  met: { mark: 'done', says: 'met' },
  'met-with-exceptions': { mark: 'accepted', says: 'met, with exceptions' },
  'not-met': { mark: 'failed', says: 'not met' },
  'not-proved': { mark: 'pending', says: 'not proved' },
};

/** What a run that is conducted waits for until its time has come; null when there is something to do, or to answer. */
export function waitsFor({ runbook, state, now }: Pick<Summarised, 'runbook' | 'state' | 'now'>): string | null {
  if (!state.conductor || state.outcome || state.rollback || state.paused || openPrompts(state).length > 0) return null;
  const next = decide(runbook, state, now);
  if (next.do !== 'wait-for-time') return null;
  return `waits until ${utcDay(next.until)} ${utcMinute(next.until)} UTC for “${next.why}”`;
}

function standing(of: Summarised): string {
  const { state } = of;
  if (state.outcome) return `${OUTCOME[state.outcome.outcome]}, ${state.outcome.why}`;
  const open = openPrompts(state).length;
  if (open > 0) return `waits for a person: ${plural(open, 'question')} open`;
  if (!state.conductor) return 'nobody is at work on it';
  if (state.rollback) return state.rollback.begunAt === null ? 'a rollback was asked for' : 'rolling back';
  return state.paused ? 'paused' : (waitsFor(of) ?? 'at work');
}

function windowLine({ runbook, state, pulses, now }: Summarised): string {
  const { beganAt, endedAt } = windowSpan(runbook, state);
  const length = roughly(runbook.closes - runbook.opens);
  if (beganAt === null)
    return `Window: ${utcDay(runbook.opens)} ${utcMinute(runbook.opens)} UTC, ${length}; not begun.`;
  if (endedAt !== null) return `Window: took ${duration(endedAt - beganAt)} of ${length}.`;
  const { percent, finishAt, latestRollbackAt } = forecast(runbook, state, pulses, now);
  return (
    `Window: ${Math.floor(percent)}% after ${duration(now - beganAt)} of ${length}, finish expected ${utcMinute(finishAt)} UTC, ` +
    `rollback possible until ${utcMinute(latestRollbackAt)} UTC.`
  );
}

function timeline({ runbook, state, now }: Summarised, { glyphs }: Look): Inert[] {
  const rows = activityViews(runbook, state, now).map(({ activity, mark, tookMs }) => ({
    mark: glyphs[mark],
    when: activity.phase === 'window' ? utcMinute(activity.startsAt) : utcDay(activity.startsAt),
    title: inert(activity.title),
    estimate: activity.estimate > 0 ? roughly(activity.estimate) : '',
    took: tookMs === null ? '' : duration(tookMs),
  }));
  const titleCells = Math.min(50, Math.max(...rows.map((each) => width(each.title))));
  return rows.map(({ mark, when, title, estimate, took }) =>
    inert(`  ${mark} ${when.padEnd(7)}${pad(title, titleCells)}${estimate.padStart(7)}${took.padStart(9)}`.trimEnd()),
  );
}

/** Steps that did not simply pass, each with the reason. */
function exceptions({ runbook, state }: Summarised, { glyphs }: Look): Inert[] {
  return runbook.activities
    .flatMap((each) => each.steps)
    .flatMap((step) => {
      const { status, reason, failure, result } = stepState(state, step.id);
      const why = [...(result?.exceptions ?? []), failure?.message, reason]
        .flatMap((each) => (each ? [each.replace(/\.$/, '')] : []))
        .join('; ');
      if (status === 'failed' || status === 'undo-failed') return [inert(`  ${glyphs.failed} ${step.title}: ${why}`)];
      if (status === 'accepted' || (status === 'done' && (result?.exceptions?.length ?? 0) > 0)) {
        return [inert(`  ${glyphs.accepted} ${step.title}: ${why}`)];
      }
      return [];
    });
}

function messages({ state }: Summarised): string[] {
  const all = Object.values(state.messages);
  const mails = all.filter((each) => each.message.channel === 'mail' && each.sentAt !== null);
  const posts = all.filter((each) => each.message.channel === 'status' && each.sentAt !== null);
  const owed = unsent(state).length;
  if (all.length === 0) return [];
  const people = mails.reduce((sum, each) => sum + each.recipients, 0);
  const still = owed > 0 ? `, ${plural(owed, 'message')} ${state.outcome ? 'not sent' : 'still owed'}` : '';
  return [
    `Sent: ${plural(mails.length, 'mail')} to ${plural(people, 'recipient')}, ${plural(posts.length, 'status post')}${still}.`,
  ];
}

/** What was still owed when the run ended, each with what kept it from going out. */
function notSent({ state }: Summarised, { glyphs }: Look): Inert[] {
  if (!state.outcome || state.rehearsal) return [];
  return unsent(state).map(({ message, failure }) =>
    inert(`  ${glyphs.failed} ${message.subject ?? message.id}${failure === null ? '' : `: ${failure.message}`}`),
  );
}

function criteria({ runbook, state }: Summarised, { glyphs }: Look): Inert[] {
  return verdicts(runbook, state).map(({ says, verdict }) => {
    const { mark, says: word } = VERDICT[verdict];
    return inert(`  ${glyphs[mark]} ${says}${verdict === 'met' ? '' : ` (${word})`}`);
  });
}

/** Questions that wait, each with who may answer it. */
function questions({ runbook, state }: Summarised, { glyphs }: Look): Inert[] {
  return openPrompts(state).map(({ question, who }) => {
    const roles = who.map((role) => runbook.document.roles[role]?.title ?? role).join(' or ');
    return inert(`  ${glyphs.asking} ${question}${roles === '' ? '' : ` (for ${roles} to answer)`}`);
  });
}

/** Who gave their word for what, and how strongly that is proved. */
function signoffs({ runbook, state }: Summarised, { glyphs }: Look): Inert[] {
  return state.prompts.flatMap(({ prompt, settled, superseded }) => {
    if (settled === null || !givesWord(prompt)) return [];
    const word = `${prompt.question}: ${settled.choose}, ${personName(settled.by, runbook)}, ${PROOF_WORDS[settled.proof]}${superseded === null ? '' : `; no longer counts: ${superseded}`}`;
    return [inert(`  ${glyphs.dot} ${word}`)];
  });
}

/** What leads on from a run that has ended: the way back, and to those who were not written to. */
function afterTheEnd({ runbook, state }: Summarised, at: Place): string[] {
  const lines: string[] = [];
  if (state.outcome?.outcome === 'aborted' && undosDue(runbook, state).length > 0) {
    lines.push(
      'What was done can be taken back, once a second person has approved it (--as ROLE):',
      `  ${commandLine(at, 'run', '--roll-back', 'WHY')}`,
    );
  }
  if (unsent(state).length > 0) {
    lines.push('To send what was not sent (SMTP_URL says where):', `  ${commandLine(at, 'notify send')}`);
  }
  return lines;
}

const kindOf = ({ rehearsal }: RunState) => (rehearsal ? 'rehearsal' : 'run');

/** What leads on from here. Each command has a line of its own, whole, to be copied. */
function next(of: Summarised): string[] {
  const { state, journal } = of;
  const at = placeOf(state, journal);
  if (state.outcome) return state.rehearsal ? [] : afterTheEnd(of, at);
  if (state.conductor) {
    return [`The ${kindOf(state)} goes on. To see it, and with --as ROLE to answer:`, `  ${commandLine(at, 'attach')}`];
  }
  return state.rehearsal
    ? ['A rehearsal is not carried on; the next one begins anew.']
    : [
        'To carry on with it, as the role you have (--as ROLE):',
        `  ${commandLine(at, 'run')}`,
        'To read how it went so far:',
        `  ${commandLine(at, 'report')}`,
      ];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines];
}

/** How a run stands, on one screen of plain text: what stays on the terminal when the screen has gone. Pure. */
export function summary(of: Summarised, look: Look): string {
  const { runbook, state } = of;
  const lines = [
    `${runbook.document.title}, ${kindOf(state)} ${state.run}: ${standing(of)}.`,
    ...(state.target ? [`Target: ${state.target.where}, PostgreSQL ${state.target.version}.`] : []),
    windowLine(of),
    ...messages(of),
    ...(state.outcome ? [`Journal: ${plural(state.seq, 'record')}, head ${state.hash}.`] : []),
    '',
    ...timeline(of, look),
    ...section('Not simply passed', exceptions(of, look)),
    ...section('Waiting for an answer', questions(of, look)),
    ...section('Sign-offs and approvals', signoffs(of, look)),
    ...section('Not sent', notSent(of, look)),
    ...section('Success criteria', state.windowBeganAt === null ? [] : criteria(of, look)),
  ];
  const onward = next(of).map(inert);
  return [...lines.flatMap((each) => wrap(inert(each), CELLS)), ...(onward.length > 0 ? ['', ...onward] : [])].join(
    '\n',
  );
}
