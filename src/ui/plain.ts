import { createInterface } from 'node:readline';
import { refusal } from '../run/answers.ts';
import type { Answer, JournalRecord, Person, Prompt, RunEvent } from '../run/events.ts';
import { follow } from '../run/follow.ts';
import type { Pulse } from '../run/journal.ts';
import type { RunState } from '../run/state.ts';
import type { Runbook } from '../runbook/plan.ts';
import { evidenceLines } from './evidence-lines.ts';
import { ending, type Following } from './following.ts';
import { plural, share, short } from './format.ts';
import { inert } from './inert.ts';
import type { Line } from './lines.ts';
import { asciiOf, type Look, lookOf } from './look.ts';
import { stepTitle } from './narrate.ts';
import { noted, type Rates, rateOf } from './rates.ts';
import { type Followed, followedBy, type LogLine } from './store.ts';
import { openPrompts, promptKey } from './view.ts';

/** How often the progress of a long step is told, in ms. */
const TELL_EVERY = 30_000;
/** Evidence in a log is for the eye to follow, not the whole of it. */
const EVIDENCE_LINES = 30;
const CELLS = 110;

const isoTime = (at: number) => `${new Date(at).toISOString().slice(0, 19)}Z`;
const textOf = (line: Line) =>
  line
    .map((each) => each.text)
    .join('')
    .trimEnd();

/** A question as it is printed: what is asked, on what evidence, what can be answered, by whom, and how. */
export function promptText(prompt: Prompt, runbook: Runbook, how: string): string {
  const roles = prompt.who.map((role) => runbook.document.roles[role]?.title ?? role).join(' or ');
  const evidence = evidenceLines(prompt.evidence, CELLS - 4, 'cut');
  const cut = evidence.length - EVIDENCE_LINES;
  return [
    `? ${inert(prompt.question)}`,
    ...(prompt.items ?? []).map((item) => `    [ ] ${inert(item)}`),
    ...evidence.slice(0, EVIDENCE_LINES).map((line) => `    ${textOf(line)}`),
    ...(cut > 0 ? [`    … ${plural(cut, 'more line')}; the whole of it is in the screen and the report`] : []),
    ...prompt.options.map((option) => {
      const reason = option.reason ? ' REASON' : '';
      const proposed = prompt.proposal === option.choose ? ' (the run proposes this)' : '';
      return `  ${inert(option.choose)}${reason}: ${inert(option.says)}${proposed}`;
    }),
    `  For ${roles === '' ? 'anyone with a role' : inert(roles)} to answer: ${how}`,
  ].join('\n');
}

const REQUESTS = ['pause', 'resume', 'stop', 'roll-back'] as const;

/** Who answers when a line says `as ROLE`: the person at the terminal if the role is theirs, else the one it names. */
function personFor(role: string, me: Person, state: RunState): Person {
  const names = state.people[role] ?? [];
  return { role, name: names.length === 0 || names.includes(me.name) ? me.name : (names[0] ?? me.name) };
}

/** What a typed line means for the journal, or why it means nothing. */
export function understood(text: string, me: Person, terminal: string, state: RunState): RunEvent | string {
  const [, role, rest = ''] = /^(?:as\s+(\S+)\s+)?(.*)$/.exec(text.trim()) ?? [];
  const by = role === undefined ? me : personFor(role, me, state);
  const [, word = '', reason = ''] = /^(\S*)\s*(.*)$/.exec(rest) ?? [];
  const prompt = openPrompts(state).find((each) => each.options.some((option) => option.choose === word));
  if (prompt) {
    const answer: Answer = {
      prompt: prompt.id,
      round: prompt.round,
      choose: word,
      ...(reason === '' ? {} : { reason }),
      by,
      proof: 'named',
      from: terminal,
    };
    return refusal(state, answer) ?? { type: 'prompt-answered', answer };
  }
  const request = REQUESTS.find((each) => each === word);
  if (!request) return `“${word}” is neither an answer to an open question nor one of ${REQUESTS.join(', ')}.`;
  if (request === 'roll-back' && reason === '') return 'roll-back needs a reason: `roll-back REASON`.';
  return { type: 'requested', request, by, ...(reason === '' ? {} : { reason }) };
}

/** Tells of progress now and then, so that an hour's backfill does not look like a hang. */
function progressTeller(): (pulses: Pulse[], followed: Followed) => string[] {
  let rates: Rates = {};
  let toldAt = Date.now();
  return (pulses, { runbook, state }) => {
    const at = Date.now();
    const atWork = pulses.filter((each) => state.steps[each.step]?.status === 'running');
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

const BY_TYPING = 'type `[as ROLE] CHOICE [REASON]`.';
const ELSEWHERE = 'run `runbook attach` in a terminal.';

/** What is printed of new records: a question that is still open in full; else, of what is no history, its one line. */
function printed(
  records: readonly JournalRecord[],
  log: readonly LogLine[],
  { runbook, state }: Followed,
  past: number,
  { look, how }: { look: Look; how: string },
): string[] {
  const asked = new Map(
    records.flatMap(({ seq, event }) => (event.type === 'prompt-opened' ? [[seq, promptKey(event.prompt)]] : [])),
  );
  const history = past > 0 ? [`${isoTime(state.lastAt)} ${look.glyphs.dot} ${plural(past, 'event')} so far`] : [];
  const lines = log.flatMap(({ seq, at, mark, text }) => {
    const open = openPrompts(state).find((each) => promptKey(each) === asked.get(seq));
    if (open) return [`${isoTime(at)} ${promptText(open, runbook, how)}`];
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
  journal,
  me,
  terminal,
  stdin,
  stdout,
  since,
  signal,
}: Following & { stdin: NodeJS.ReadStream; stdout: NodeJS.WritableStream }): Promise<RunState> {
  const look = lookOf(process.env);
  const interactive = stdin.isTTY === true;
  const how = interactive ? BY_TYPING : ELSEWHERE;
  const closing = new AbortController();
  const close = () => closing.abort();
  const leaving = AbortSignal.any([closing.signal, ...(signal ? [signal] : [])]);
  const print = (text: string) => stdout.write(`${look.unicode ? text : asciiOf(text)}\n`);
  const end = ending(since);
  const progress = progressTeller();
  let followed: Followed | null = null;

  const now = () => Date.now() + (followed?.state.aheadMs ?? 0);
  const append = (events: RunEvent[]) => journal.append('terminal', now(), events);
  const onLine = (text: string) => {
    if (!followed || text.trim() === '') return;
    const event = understood(text, me, terminal, followed.state);
    if (typeof event === 'string') print(`  ${inert(event)}`);
    else append([event]).catch((error: unknown) => print(`  Not on record: ${inert(String(error))}`));
  };
  stdout.on('error', close);
  const reader = interactive ? createInterface({ input: stdin }).on('line', onLine) : null;

  try {
    await follow(journal, {
      signal: leaving,
      onRecords(records) {
        const first = followed === null;
        const past = first ? (since ?? records.at(-1)?.seq ?? 0) : 0;
        const before = followed?.log.length ?? 0;
        followed = followedBy(followed, records);
        if (!followed) return;
        for (const text of printed(records, followed.log.slice(before), followed, past, { look, how })) print(text);
        if (end(records)) return close();
        if (first && interactive) append([{ type: 'terminal-attached', terminal, by: me }]).catch(() => undefined);
      },
      onPulses(pulses) {
        if (!followed) return;
        for (const text of progress(pulses, followed)) print(`${isoTime(now())} ${look.glyphs.dot} ${inert(text)}`);
      },
    });
  } finally {
    reader?.close();
    stdout.off('error', close);
  }
  const last = followed as Followed | null;
  if (!last) throw new Error('The journal holds no run yet. Start it with `runbook run`.');
  return last.state;
}
