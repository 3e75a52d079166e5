import { stepState } from '../run/state.ts';
import { STEP_MARK } from './activities.ts';
import { companyLines } from './company-lines.ts';
import { evidenceLines } from './evidence-lines.ts';
import type { Followed } from './followed.ts';
import { plural, utcDay, utcTime } from './format.ts';
import { BLANK, cut, type Line, line, paragraph, span } from './lines.ts';
import type { Look } from './look.ts';
import { sqlLines } from './sql-lines.ts';
import type { Screen } from './store.ts';
import { frontPrompt, type Page } from './view.ts';

const HELP: [key: string, does: string][] = [
  ['arrows, 1-9', 'choose an answer to the question in front'],
  ['Enter', 'goes on; the last Enter, which says so, puts the answer on record'],
  ['Esc', 'goes back'],
  ['space', 'ticks an item of a checklist'],
  ['Tab', 'the next question, when more than one is open'],
  ['PgUp PgDn', 'scroll evidence or page; on a page arrows, Home, End too'],
  ['e', 'the evidence of the question on the whole screen, else of the last step'],
  ['l', 'the log of the run'],
  ['s', 'the SQL of the step at work, or of the next one, as it is run'],
  ['j', 'the journal, record by record'],
  ['w', 'who else is there, and who has gone'],
  ['p', 'pause: after the step at work, a backfill after its batches; p again carries on'],
  ['+ -', 'twice or half the speed, for a backfill at work; also one that a signal has slowed'],
  ['> <', 'one worker more or fewer, for a backfill at work'],
  ['R', 'ask to roll back; wants its words typed and a reason, and a second person'],
  ['B', 'begin before the window opens; wants its word typed and a reason'],
  ['q', 'on a page: back. Else leave; what is run goes on. Where a rehearsal was started it ends, and q asks first'],
  ['Ctrl+C', 'asks whether to pause, stop or keep going; a second one stops now'],
  ['Ctrl+Z', 'back to the shell for a while; `fg` returns'],
];

function helpLines(cells: number, { glyphs }: Look): Line[] {
  return [
    line('Keys', 'strong'),
    ...HELP.flatMap(([key, does]) => paragraph(does, cells, 'plain', [span(`  ${key.padEnd(13)}`, 'key')])),
    BLANK,
    line('Marks', 'strong'),
    ...Object.entries(STEP_MARK)
      .filter(([, { mark }], index, all) => all.findIndex(([, other]) => other.mark === mark) === index)
      .map(([status, { mark, tone }]): Line => [span(`  ${glyphs[mark]}  `, tone), span(status)]),
    ...paragraph('A time turns amber past its estimate and red past one and a half of it.', cells),
  ];
}

function logLines({ log }: Followed, cells: number, screen: Screen): Line[] {
  let day = '';
  return log.flatMap(({ at, mark, text, tone }) => {
    const lead: Line = [span(`${utcTime(at)} `, 'quiet'), span(`${screen.look.glyphs[mark]} `, tone)];
    const lines = paragraph(text, cells, tone, lead);
    if (utcDay(at) === day) return lines;
    day = utcDay(at);
    return [line(day, 'strong'), ...lines];
  });
}

/** The journal as it is: a line a record, with what it says and the beginning of its hash. */
function journalLines({ state, records }: Followed, cells: number, { look }: Screen): Line[] {
  const shown = records.map(({ seq, at, hash, event }): Line => {
    const { type, ...rest } = event.type === 'run-opened' ? { ...event, sources: undefined } : event;
    const said = JSON.stringify(rest).slice(0, 2 * cells);
    const lead = [span(`${String(seq).padStart(5)} `, 'quiet'), span(`${utcTime(at)} `, 'quiet')];
    return cut([...lead, span(`${hash.slice(0, 8)} `, 'quiet'), span(`${type} `, 'strong'), span(said)], cells, look);
  });
  return [
    line(
      `Run ${state.run}: ${plural(records.length, 'record')}, the last one's hash ${state.hash.slice(0, 16)}`,
      'strong',
    ),
    line('`runbook journal` lists, verifies and exports it.', 'quiet'),
    BLANK,
    ...shown,
  ];
}

function lastEvidence(screen: Screen, { runbook, state }: Followed, cells: number): Line[] {
  const front = frontPrompt(screen.view, state);
  if (front)
    return [
      ...paragraph(front.prompt.question, cells, 'strong'),
      BLANK,
      ...evidenceLines(front.prompt.evidence, cells, 'whole'),
    ];
  const shown = runbook.activities
    .flatMap((each) => each.steps)
    .map((step) => ({ step, ...stepState(state, step.id) }))
    .filter((each) => (each.result?.evidence?.length ?? 0) > 0)
    .sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0))[0];
  if (!shown) return [line('No step has left anything to look at yet.', 'quiet')];
  return [line(shown.step.title, 'strong'), BLANK, ...evidenceLines(shown.result?.evidence ?? [], cells, 'whole')];
}

/** A page that takes the whole body, in full; it is cut to what is seen where it is shown. */
export function pageLines(page: Exclude<Page, 'run'>, screen: Screen, followed: Followed, cells: number): Line[] {
  switch (page) {
    case 'help':
      return helpLines(cells, screen.look);
    case 'log':
      return logLines(followed, cells, screen);
    case 'sql':
      return sqlLines(followed, cells);
    case 'evidence':
      return lastEvidence(screen, followed, cells);
    case 'company':
      return companyLines(followed, screen);
    case 'journal':
      return journalLines(followed, cells, screen);
  }
}
