import { stepState } from '../run/state.ts';
import { findStep, itemsOf, type Runbook } from '../runbook/plan.ts';
import type { Step } from '../runbook/step-schema.ts';
import { focusStep, STEP_MARK } from './activities.ts';
import { evidenceLines } from './evidence-lines.ts';
import { utcDay, utcTime } from './format.ts';
import { inertLines } from './inert.ts';
import { BLANK, type Line, line, paragraph, span } from './lines.ts';
import type { Look } from './look.ts';
import type { Followed, Screen } from './store.ts';
import { frontPrompt, type Page } from './view.ts';

const HELP: [key: string, does: string][] = [
  ['arrows, 1-9', 'choose an answer to the question in front'],
  ['Enter', 'goes on; the last Enter, which says so, puts the answer on record'],
  ['Esc', 'goes back'],
  ['space', 'ticks an item of a checklist'],
  ['Tab', 'the next question, when more than one is open'],
  ['PgUp PgDn', 'scroll the evidence, or this page'],
  ['e', 'the evidence of the question on the whole screen'],
  ['l', 'the log of the run'],
  ['s', 'the SQL of the step at work'],
  ['p', 'pause after the step at work; p again carries on'],
  ['+ -', 'more or less speed for a backfill at work'],
  ['R', 'ask to roll back; wants its words typed and a reason, and a second person'],
  ['B', 'begin before the window opens; wants its word typed and a reason'],
  ['q', 'leave this terminal; the run goes on, but a rehearsal ends with its terminal'],
  ['Ctrl+C', 'asks whether to pause, stop or keep going; a second one stops now'],
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

/** The SQL files of a step, in the order in which it uses them, and those that undo it. */
function sqlFiles(step: Step, runbook: Runbook): { path: string; role: string }[] {
  const files = (paths: (string | undefined)[], role: string) =>
    paths.flatMap((path) => (path === undefined ? [] : [{ path, role }]));
  const undo = files(step.undo?.files ?? [], 'undo');
  switch (step.kind) {
    case 'sql':
      return [...files(step.files, 'runs'), ...undo];
    case 'backfill':
      return [...files([step.file], 'one batch'), ...files([step.remaining], 'what is left'), ...undo];
    case 'check':
      return files([step.sql], 'checks');
    case 'index':
      return [...files([step.file], 'runs'), ...undo];
    case 'policies': {
      const own = new Set(itemsOf(runbook, step.tables).map((item) => item.policies));
      return [...files([step.file], 'runs'), ...files([...own], 'runs for its own table'), ...undo];
    }
    case 'decision':
    case 'manual':
      return files(step.evidence, 'evidence');
    case 'isolation':
      return [
        ...files([step.actors], 'actors'),
        ...files([step.own], 'counts'),
        ...files(step.attacks, 'must be refused'),
      ];
    case 'measure':
      return [
        ...files([step.actors], 'actors'),
        ...files(
          step.queries.map((each) => each.file),
          'measured',
        ),
      ];
    case 'monitor':
      return files(
        step.samples.map((each) => each.sql),
        'sampled',
      );
    default:
      return undo;
  }
}

function sqlLines({ runbook, state }: Followed, cells: number): Line[] {
  const id = focusStep(runbook, state);
  const step = id === null ? undefined : findStep(runbook, id)?.step;
  if (!step) return [line('No step is at work.', 'quiet')];
  const files = sqlFiles(step, runbook);
  if (files.length === 0) return [line(`${step.title} runs no SQL of the runbook's.`, 'quiet')];
  return [
    line(step.title, 'strong'),
    ...files.flatMap(({ path, role }) => {
      const source = runbook.sources.files[path];
      return [
        BLANK,
        [span(`${path} `, 'key'), span(`(${role}${source ? `, SHA-256 ${source.hash.slice(0, 12)}` : ''})`, 'quiet')],
        ...inertLines(source?.text ?? '').flatMap((text) => paragraph(text, cells)),
      ];
    }),
  ];
}

function lastEvidence(screen: Screen, { runbook, state }: Followed, cells: number): Line[] {
  const front = frontPrompt(screen.view, state);
  if (front)
    return [line(front.prompt.question, 'strong'), BLANK, ...evidenceLines(front.prompt.evidence, cells, 'whole')];
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
  }
}
