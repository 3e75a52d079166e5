import { forecast } from '../run/forecast.ts';
import type { RunState } from '../run/state.ts';
import { undosDue } from '../run/undo.ts';
import { windowSpan } from '../run/window.ts';
import type { Runbook } from '../runbook/plan.ts';
import { ABANDONED, CUT_OFF } from './following.ts';
import { count, duration, placeTime, plural, roughly, share, utcDay, utcMinute, utcTime } from './format.ts';
import { bar, cut, type Line, line, lineWidth, pieces, span, spread } from './lines.ts';
import type { Look } from './look.ts';
import { planNow, type Screen } from './store.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

function targetLine({ rehearsal, target }: RunState, look: Look): Line {
  const where = target?.where ?? '';
  if (rehearsal) return [span('REHEARSAL', 'now')];
  return [span(` ${look.glyphs.square} PRODUCTION `, 'alarm'), span(where === '' ? '' : ` ${where}`, 'strong')];
}

function clockLine(runbook: Runbook, now: number, { columns: cells, dozing }: Screen): Line {
  const day = utcDay(now) === utcDay(runbook.opens) ? '' : `${utcDay(now)} `;
  const utc = span(dozing ? `as of ${day}${utcMinute(now)} UTC` : `${day}${utcTime(now)} UTC`, 'strong');
  const [zone] = runbook.document.window.timezones;
  const place = zone === undefined ? '' : placeTime(now, zone);
  return place !== '' && cells >= 76 ? [utc, span(`  ${place}`, 'quiet')] : [utc];
}

/** `05:02`, with its day when that is not today. */
function moment(at: number, now: number): string {
  return Math.abs(at - now) > DAY / 2 ? `${utcDay(at)} ${utcMinute(at)}` : utcMinute(at);
}

function windowPiece(runbook: Runbook, state: RunState, now: number): Line {
  const { beganAt, endedAt } = windowSpan(runbook, state);
  if (beganAt === null) {
    return line(now < runbook.opens ? `opens in ${roughly(runbook.opens - now)}` : 'the window is open', 'strong');
  }
  if (endedAt !== null) return line(`took ${duration(endedAt - beganAt)}`);
  const left = runbook.closes - now;
  return left >= 0
    ? line(`${roughly(now - beganAt)} in, ${roughly(left)} left`)
    : line(`${roughly(now - beganAt)} in, ${roughly(-left)} past the close`, 'bad');
}

const goingBack = ({ rollback }: RunState) => rollback !== null && rollback.begunAt !== null;

/** How far the run is, 0 to 1, and in words: the window's work, or in a rollback the undos. */
function progress({ state, runbook, pulses, now }: Outlook): { part: number; says: string } {
  if (!goingBack(state)) {
    const { percent } = forecast(runbook, state, pulses, now);
    return { part: percent / 100, says: `${Math.floor(percent)}%` };
  }
  const undone = Object.values(state.steps).filter((each) => each.status === 'undone').length;
  const part = share(undone, undone + undosDue(runbook, state).length);
  return { part, says: `${Math.floor(100 * part)}% undone` };
}

function finishPiece({ state, runbook, pulses, now, look }: Outlook): Line | null {
  if (state.outcome !== null || windowSpan(runbook, state).endedAt !== null) return null;
  const { finishAt, earlyMs } = forecast(runbook, state, pulses, now);
  const words = earlyMs >= 0 ? `${roughly(earlyMs)} early` : `${roughly(-earlyMs)} late`;
  const margin = earlyMs > -MINUTE ? 'plain' : earlyMs > -15 * MINUTE ? 'warn' : 'bad';
  return [
    span(`${goingBack(state) ? 'back' : 'finish'} ${look.glyphs.about} ${moment(finishAt, now)}, `),
    span(Math.abs(earlyMs) < MINUTE ? 'on time' : words, margin),
  ];
}

function wayBackPiece({ state, runbook, pulses, now }: Outlook): Line | null {
  if (state.outcome) {
    return line(state.outcome.outcome === 'done' ? 'done' : state.outcome.outcome.replace('-', ' '), 'strong');
  }
  if (state.rollback && state.rollback.begunAt === null) return line('rollback asked for', 'bad');
  if (state.rollback) {
    const due = undosDue(runbook, state).length;
    return line(due > 0 ? `ROLLING BACK, ${plural(due, 'step')} to undo` : 'ROLLED BACK, being checked', 'bad');
  }
  const { latestRollbackAt } = forecast(runbook, state, pulses, now);
  const left = latestRollbackAt - now;
  if (state.windowBeganAt === null) {
    return line(`window ${utcDay(runbook.opens)} ${utcMinute(runbook.opens)} to ${utcMinute(runbook.closes)} UTC`);
  }
  if (left < 0) return line(`too late to roll back within the window, since ${moment(latestRollbackAt, now)}`, 'bad');
  const tone = left < 30 * MINUTE ? 'warn' : 'plain';
  return line(`can roll back until ${moment(latestRollbackAt, now)} (${roughly(left)})`, tone);
}

function statusPiece({ state, runbook, now }: Outlook): Line | null {
  const every = runbook.document.status?.every;
  if (every === undefined || state.windowBeganAt === null || windowSpan(runbook, state).endedAt !== null) return null;
  const posts = Object.values(state.messages).filter((each) => each.message.channel === 'status');
  const last = Math.max(state.windowBeganAt, ...posts.map((each) => each.owedAt));
  const left = last + every - now;
  return line(left > 0 ? `next status post in ${roughly(left)}` : 'status post due', left > -MINUTE ? 'plain' : 'warn');
}

function messagesPiece({ messages }: RunState): Line | null {
  const all = Object.values(messages);
  if (all.length === 0) return null;
  const sent = all.reduce((sum, each) => sum + (each.message.channel === 'mail' ? each.recipients : 0), 0);
  const owed = all.filter((each) => each.sentAt === null);
  const failing = owed.some((each) => each.failure !== null);
  const mail = span(`mail ${count(sent)} sent`);
  return owed.length === 0
    ? [mail]
    : [mail, span(`, ${plural(owed.length, 'message')} owed`, failing ? 'warn' : 'plain')];
}

/** Whether others look on too; who they are is on a page of its own. */
function companyPiece({ terminals }: RunState, { dozing, terminal }: Screen): Line | null {
  const others = Object.keys(terminals).filter((each) => each !== terminal).length;
  if (dozing) return line(`${plural(others, 'other')} here; dozing, any key wakes`, 'quiet');
  return others < 1 ? null : line(`${plural(others, 'other')} here`, 'quiet');
}

function pacePiece({ paused, stopping, speed }: RunState): Line | null {
  if (stopping) return line('STOPPING', 'warn');
  if (paused) return line('PAUSED', 'warn');
  return speed === 1 ? null : line(`speed ${speed}×`, 'now');
}

interface Outlook {
  state: RunState;
  runbook: Runbook;
  pulses: Screen['pulses'];
  now: number;
  look: Look;
}

/** Where the window stands, in three lines: what and when; how far; what is still possible and what is owed. */
export function headerLines(screen: Screen): Line[] {
  const { followed, columns, look, pulses } = screen;
  if (!followed) return [line('Reading the journal', 'quiet')];
  const { runbook, state } = followed;
  const now = planNow(screen);
  const outlook: Outlook = { state, runbook, pulses, now, look };
  const { part, says } = progress(outlook);
  const told = pieces(
    [[span(says, 'strong')], windowPiece(runbook, state, now), finishPiece(outlook)],
    columns - 12,
    look,
  );
  const trouble = screen.cutOff
    ? CUT_OFF
    : screen.abandoned
      ? `${ABANDONED} q leaves${state.rehearsal ? '' : ', and says how to carry on'}.`
      : null;
  const barCells = Math.min(40, columns - lineWidth(told) - 2);
  return [
    spread(
      [...targetLine(state, look), span('  '), span(runbook.document.title, 'strong')],
      clockLine(runbook, now, screen),
      columns,
      look,
    ),
    [...bar(part, barCells, look), span('  '), ...told],
    trouble !== null
      ? cut(line(trouble, 'alarm'), columns, look)
      : pieces(
          [
            pacePiece(state),
            wayBackPiece(outlook),
            statusPiece(outlook),
            messagesPiece(state),
            companyPiece(state, screen),
          ],
          columns,
          look,
        ),
  ];
}
