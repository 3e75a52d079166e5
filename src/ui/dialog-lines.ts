import { undosDue } from '../run/undo.ts';
import { approvedBy } from './answering.ts';
import { type Dialog, GRAVE_WORD, type Grave, type Stop, stopChoices } from './dialogs.ts';
import type { Followed } from './followed.ts';
import { utcMinute } from './format.ts';
import { BLANK, type Line, line, paragraph, span } from './lines.ts';
import { personName } from './narrate.ts';
import type { Screen } from './store.ts';

function stopLines({ cursor }: Stop, { look, endsRun }: Screen, { state }: Followed, cells: number): Line[] {
  return [
    line('STOP?', 'warn'),
    ...paragraph('A conductor is at work. What should it do?', cells, 'strong'),
    BLANK,
    ...stopChoices({ rehearsal: state.rehearsal, endsRun }).flatMap(({ says }, index) =>
      paragraph(says, cells, index === cursor ? 'strong' : 'plain', [
        span(index === cursor ? `${look.glyphs.pointer} ` : '  ', 'now'),
        span(`${index + 1}  `, 'key'),
      ]),
    ),
    BLANK,
    ...paragraph('Arrows or a number choose, Enter decides. Ctrl+C again stops now. Esc goes back.', cells, 'quiet'),
  ];
}

function graveLines(
  { request, stage, word, reason, refused }: Grave,
  screen: Screen,
  followed: Followed,
  cells: number,
) {
  const { runbook, state } = followed;
  const cursor = screen.look.unicode ? '▏' : '_';
  const undos = undosDue(runbook, state).length;
  const consequence =
    request === 'roll-back'
      ? `Asks to undo what has been done so far, ${undos} steps, last one first. No further step begins. ` +
        approvedBy(screen.me, runbook, state)
      : `Begins the window's work now, before it opens at ${utcMinute(state.opens)} UTC. This cannot be taken back.`;
  const field = (label: string, value: string) =>
    paragraph(`${value}${cursor}`, cells, 'now', [span(`${label} `, 'strong')]);
  return [
    line(request === 'roll-back' ? 'ROLL BACK?' : 'BEGIN EARLY?', 'bad'),
    ...paragraph(consequence, cells),
    BLANK,
    ...(stage === 'word'
      ? field(`Type “${GRAVE_WORD[request]}”:`, word)
      : [...field('Why?', reason), ...paragraph(`Asked for by ${personName(screen.me, runbook)}.`, cells, 'quiet')]),
    ...(refused === null ? [] : paragraph(refused, cells, 'warn')),
    BLANK,
    ...paragraph(
      stage === 'word' ? 'Enter goes on, Esc goes back.' : 'Enter asks for it, Esc goes back.',
      cells,
      'quiet',
    ),
  ];
}

/** The dialog in front of everything else. */
export function dialogLines(dialog: Dialog, screen: Screen, followed: Followed, cells: number): Line[] {
  switch (dialog.kind) {
    case 'stop':
      return stopLines(dialog, screen, followed, cells);
    case 'grave':
      return graveLines(dialog, screen, followed, cells);
    case 'warning':
      return [
        line('WARNING', 'bad'),
        ...paragraph(dialog.text, cells, 'strong'),
        BLANK,
        ...paragraph('The run goes on. Enter goes on to it; Ctrl+C stops it.', cells, 'now'),
      ];
  }
}
