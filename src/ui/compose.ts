import { WATCHER } from '../run/events.ts';
import { dialogLines } from './dialog-lines.ts';
import type { Followed } from './followed.ts';
import { plural } from './format.ts';
import { headerLines } from './header-lines.ts';
import { cut, type Line, line, lineWidth, paragraph, pieces, span, spread } from './lines.ts';
import { personName } from './narrate.ts';
import { pageLines } from './pages.ts';
import { overtakenLines, promptLines, type Scrollable } from './prompt-lines.ts';
import { workersNow } from './staffing.ts';
import { besideQuestion, stepLines } from './step-lines.ts';
import { planNow, type Screen } from './store.ts';
import { timelineLines } from './timeline-lines.ts';
import { frontPrompt, openPrompts, overtaken, promptKey, taken } from './view.ts';

/** From this width on, timeline and step stand beside each other. */
const TWO_PANES = 100;

/** From this width on, there is room for who sits at the terminal beside the keys. */
const TITLED = 76;

/** A pane: where its lines go is decided here, so that a frame is exactly as high as the terminal. */
export interface Pane extends Scrollable {
  cells: number;
  height: number;
}

/** Everything on the screen, as lines. */
export interface Composition {
  header: Line[];
  /** The timeline: beside the main pane when `sideBySide`, else above it. Null on a page. */
  timeline: Pane | null;
  sideBySide: boolean;
  main: Pane;
  footer: Line;
}

/** Below this size a question does not fit, nor does what is at work. */
const SMALLEST = { columns: 60, rows: 16 };

/** Whether the terminal is too small to work at; questions are then not answered. */
export function tooSmall({ columns, rows }: Pick<Screen, 'columns' | 'rows'>): boolean {
  return columns < SMALLEST.columns || rows < SMALLEST.rows;
}

const pane = (lines: Line[], cells: number, height: number): Pane => ({
  lines,
  cells,
  height,
  scrollMax: 0,
  pageLength: 1,
});

function page(screen: Screen, followed: Followed, height: number): Pane {
  const cells = screen.columns;
  const lines = screen.view.page === 'run' ? [] : pageLines(screen.view.page, screen, followed, cells);
  const scrollMax = Math.max(0, lines.length - height);
  const from = Math.min(screen.view.scroll, scrollMax);
  return { lines: lines.slice(from, from + height), cells, height, scrollMax, pageLength: Math.max(1, height - 2) };
}

interface Main extends Pane {
  /** A question that would read better with more room. */
  cramped: boolean;
}

function main(screen: Screen, followed: Followed, cells: number, height: number): Main {
  const { view } = screen;
  const whole = (lines: Line[]) => ({
    ...pane(lines.slice(0, height), cells, height),
    cramped: lines.length > height,
  });
  if (view.dialog) return whole(dialogLines(view.dialog, screen, followed, cells));
  const past = overtaken(view, followed.state);
  const draft = past && view.forms[promptKey(past.prompt)];
  if (draft) return whole(overtakenLines(past, draft, followed, cells));
  const front = frontPrompt(view, followed.state);
  if (!front) return { ...whole(stepLines(screen, followed, cells, height)), cramped: false };
  const asked = promptLines(screen, followed, front, cells, height);
  const beside = besideQuestion(screen, followed, cells, height - asked.lines.length);
  return { ...asked, lines: [...asked.lines, ...beside], cells, height };
}

/** What is shown instead of everything else when there is no room for it. */
function cramped(screen: Screen, { state }: Followed): Line[] {
  const { columns, rows } = screen;
  const open = openPrompts(state).length;
  return [
    ...paragraph(`${columns}×${rows} is too small; ${SMALLEST.columns}×${SMALLEST.rows} will do.`, columns, 'strong'),
    ...(open > 0 ? paragraph(`${plural(open, 'question')} open.`, columns, 'warn') : []),
    ...paragraph(
      screen.endsRun
        ? 'Enlarge the terminal.'
        : 'Enlarge the terminal, or leave and attach with --plain. The run goes on.',
      columns,
    ),
  ];
}

function keyHelp(screen: Screen, { runbook, state }: Followed): Line {
  const key = (letter: string, does: string): Line => [span(letter, 'key'), span(` ${does}`, 'quiet')];
  const early = state.windowBeganAt === null && !state.beginEarly && planNow(screen) < state.opens;
  if (screen.view.page === 'run' && taken(screen.view, state)) return key('Esc', 'back');
  if (screen.view.page !== 'run') {
    return pieces(
      [key('Esc', 'back'), key('PgUp PgDn', 'scroll'), key('l s e j w ?', 'other pages')],
      screen.columns,
      screen.look,
    );
  }
  const name = line(personName(screen.me, runbook), 'quiet');
  const me = screen.columns >= TITLED ? cut(name, Math.floor(screen.columns / 3), screen.look) : [];
  const watching = screen.me.role === WATCHER;
  const filling = !watching && workersNow({ runbook, state }) !== undefined;
  const keys = pieces(
    [
      ...(watching ? [] : [key('p', state.paused ? 'carry on' : 'pause')]),
      ...(filling ? [key('+ -', 'speed'), key('> <', 'workers')] : []),
      ...(watching ? [] : [key('R', 'roll back')]),
      key('?', 'help'),
      key('q', 'leave'),
      key('l', 'log'),
      key('s', 'SQL'),
      key('e', 'evidence'),
      key('j', 'journal'),
      key('w', 'who is here'),
      ...(early && !watching ? [key('B', 'begin early')] : []),
    ],
    screen.columns - lineWidth(me) - 2,
    screen.look,
  );
  return spread(keys, me, screen.columns, screen.look);
}

/** Lays the screen out for the size the terminal has. Pure. */
export function compose(screen: Screen): Composition {
  const { followed, columns, rows, view } = screen;
  const header = headerLines(screen);
  const footer = view.notice !== null ? line(view.notice, 'warn') : followed ? keyHelp(screen, followed) : [];
  const body = Math.max(1, rows - header.length - 2);
  if (!followed) return { header, footer, timeline: null, sideBySide: false, main: pane([], columns, body) };
  if (tooSmall(screen) && !view.dialog) {
    const height = Math.max(1, rows - 2);
    const lines = cramped(screen, followed).slice(0, height);
    return { header: [], footer, timeline: null, sideBySide: false, main: pane(lines, columns, height) };
  }
  if (view.page !== 'run') {
    return { header, footer, timeline: null, sideBySide: false, main: page(screen, followed, body) };
  }
  if (columns >= TWO_PANES) {
    const cells = Math.min(58, Math.floor(columns * 0.46));
    const timeline = pane(timelineLines(screen, followed, cells, body), cells, body);
    return { header, footer, timeline, sideBySide: true, main: main(screen, followed, columns - cells - 3, body) };
  }
  const busy = view.dialog !== null || frontPrompt(view, followed.state) !== null;
  const above = Math.max(1, busy ? Math.min(2, body - 14) : Math.min(6, Math.floor(body / 3)));
  const lines = timelineLines(screen, followed, columns, above);
  const below = main(screen, followed, columns, body - lines.length - 1);
  // A question that does not fit is worth more than the timeline above it.
  if (below.cramped) {
    return { header, footer, timeline: null, sideBySide: false, main: main(screen, followed, columns, body) };
  }
  return { header, footer, timeline: pane(lines, columns, lines.length), sideBySide: false, main: below };
}
