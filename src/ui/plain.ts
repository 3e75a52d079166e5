import { createInterface } from 'node:readline';
import { type JournalRecord, type RunEvent, WATCHER } from '../run/events.ts';
import type { Pulse } from '../run/journal/journal.ts';
import type { RunState, StepStatus } from '../run/state.ts';
import { command, placeOf } from './commands.ts';
import { type Ending, requested } from './dialogs.ts';
import type { Followed, LogLine } from './followed.ts';
import { ABANDONED, CUT_OFF, type Following, takeHold } from './following.ts';
import { plural, share, short } from './format.ts';
import { harmless, inert } from './inert.ts';
import { asciiOf, type Look, lookOf } from './look.ts';
import { stepTitle } from './narrate.ts';
import { noted, type Rates, rateOf } from './rates.ts';
import { waitsFor } from './summary.ts';
import { type Means, promptText, understood } from './typed-lines.ts';
import { verdict } from './verdict.ts';
import { openPrompts, promptKey } from './view.ts';

/** How often the progress of a long step is told, in ms. */
const TELL_EVERY = 30_000;
const AT_WORK: readonly StepStatus[] = ['running', 'undoing'];

const isoTime = (at: number) => `${new Date(at).toISOString().slice(0, 19)}Z`;

/** Tells of progress now and then, so that an hour's backfill does not look like a hang. */
function progressTeller(): (pulses: Pulse[], followed: Followed) => string[] {
  let rates: Rates = {};
  let toldAt = Date.now();
  return (pulses, { runbook, state }) => {
    const at = Date.now();
    const atWork = pulses.filter((each) => AT_WORK.includes(state.steps[each.step]?.status ?? 'pending'));
    rates = noted(rates, atWork, at);
    if (at - toldAt < TELL_EVERY) return [];
    toldAt = at;
    return atWork.map(({ step, done, total, unit, note }) => {
      const rate = rateOf(rates, step);
      const pace = rate === undefined ? '' : `, ${short(rate)} ${unit} a second`;
      return `${stepTitle(step, runbook)}: ${Math.floor(100 * share(done, total))}%${pace}${note ? `, ${note}` : ''}`;
    });
  };
}

/** What Ctrl+C asks: what a second one does, and what may be typed instead. */
function stopText({ rehearsal, endsRun }: Ending, interactive: boolean): string {
  const again = rehearsal
    ? '  Ctrl+C again ends the rehearsal: what is at work is cancelled, the report is written, the database is taken down.'
    : '  Ctrl+C again stops the run now, safely: what is at work is cancelled and the conductor leaves.';
  if (!interactive)
    return `${again}\n  It goes on meanwhile${endsRun ? '' : `; \`kill ${process.pid}\` ends this terminal alone`}.`;
  const leave = endsRun ? '' : ', or `detach` to leave it at work';
  return `${again}\n  It goes on meanwhile. Type \`pause\` to pause it after the step at work${leave}.`;
}

/** What is printed of new records: a question that is still open in full; else, of what is no history, its one line. */
function printed(
  records: readonly JournalRecord[],
  log: readonly LogLine[],
  { runbook, state }: Followed,
  past: number,
  { look, means }: { look: Look; means: Means },
): string[] {
  const asked = new Map(
    records.flatMap(({ seq, event }) => (event.type === 'prompt-opened' ? [[seq, promptKey(event.prompt)]] : [])),
  );
  const history = past > 0 ? [`${isoTime(state.lastAt)} ${look.glyphs.dot} ${plural(past, 'event')} so far`] : [];
  const lines = log.flatMap(({ seq, at, mark, text }) => {
    const open = openPrompts(state).find((each) => promptKey(each) === asked.get(seq));
    if (open) return [`${isoTime(at)} ${promptText(open, runbook, means)}`];
    return seq > past ? [`${isoTime(at)} ${look.glyphs[mark]} ${inert(text)}`] : [];
  });
  return [...history, ...lines];
}

/**
 * Shows a run as plain lines, one an event, to a pipe, a log or a screen reader; on a terminal, typed lines answer.
 * Ends as the screen does.
 * @throws JournalBroken, RunbookInvalid, and what else keeps the journal from being read
 * @returns the state of the run as it was last seen here
 */
export async function openPlain({
  stdin,
  stdout,
  onCtrlC,
  ...following
}: Following & {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WritableStream;
  /** Has Ctrl+C answered here until the function that it returns is called. */
  onCtrlC?: (answer: () => void) => () => void;
}): Promise<RunState> {
  const look = lookOf(process.env);
  const interactive = stdin.isTTY === true;
  const print = (text: string): void => {
    stdout.write(`${look.unicode ? harmless(text) : asciiOf(text)}\n`);
  };
  const progress = progressTeller();
  const hold = takeHold(following);

  const append = (events: RunEvent[]) => {
    hold.append(events).catch((error: unknown) => print(`  Not on record: ${inert(String(error))}`));
  };
  const onLine = (text: string) => {
    hold.attention.touched();
    const followed = hold.followed();
    if (!followed) return;
    const meant = understood(text, following, followed);
    asked = false;
    if ('says' in meant) return print(meant.says);
    if ('leave' in meant) return hold.leave();
    append([meant.event]);
  };
  /** Whether Ctrl+C was pressed, and nothing typed since. */
  let asked = false;
  const interrupted = () => {
    const { conductor, stopping, outcome, rehearsal = false } = hold.followed()?.state ?? {};
    if (!conductor || stopping || outcome || following.me.role === WATCHER) return hold.leave();
    if (asked) return append([requested('stop', following.me)]);
    asked = true;
    print(stopText({ rehearsal, endsRun: following.endsRun }, interactive));
  };
  stdout.on('error', hold.leave);
  stdin.on('error', hold.leave);
  const unanswered = onCtrlC?.(interrupted);
  const reader = interactive ? createInterface({ input: stdin }).on('line', onLine) : null;
  let told = 0;
  let waits: string | null = null;
  try {
    return await hold.show({
      attended: interactive,
      onRecords(followed, records) {
        const past = told === 0 ? (following.since ?? records.at(-1)?.seq ?? 0) : 0;
        const log = followed.log.slice(told);
        told = followed.log.length;
        for (const text of printed(records, log, followed, past, {
          look,
          means: { typing: interactive, at: placeOf(followed.state, following.journal) },
        }))
          print(text);
        const came = verdict(records, followed.state, following.terminal);
        if (came !== null) print(`  ${inert(came)}`);
        const wait = followed.state.rehearsal ? null : waitsFor({ ...followed, now: hold.now() });
        if (wait !== null && wait !== waits) print(`${isoTime(hold.now())} ${look.glyphs.dot} ${inert(wait)}`);
        waits = wait;
      },
      onPulses(pulses, followed) {
        for (const text of progress(pulses, followed))
          print(`${isoTime(hold.now())} ${look.glyphs.dot} ${inert(text)}`);
      },
      onAbandoned(abandoned) {
        const state = hold.followed()?.state;
        if (!abandoned || !state) return;
        const next = state.rehearsal
          ? 'A rehearsal is not carried on.'
          : `Carry on (--as ROLE): ${command(placeOf(state, following.journal), 'run')}`;
        print(`${isoTime(hold.now())} ${look.glyphs.failed} ${ABANDONED} ${next}`);
      },
      onCutOff(cutOff) {
        print(
          `${isoTime(hold.now())} ${cutOff ? `${look.glyphs.failed} ${CUT_OFF}` : `${look.glyphs.done} The journal answers again.`}`,
        );
      },
    });
  } finally {
    unanswered?.();
    reader?.close();
    stdout.off('error', hold.leave);
  }
}
