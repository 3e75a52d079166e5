import { refusal } from '../run/answering/answers.ts';
import { givesWord } from '../run/answering/prompts.ts';
import { mustSign, PROOF_WORDS } from '../run/answering/proof.ts';
import type { Person, Prompt } from '../run/events.ts';
import type { RunState } from '../run/state.ts';
import type { Runbook } from '../runbook/plan.ts';
import { answerOf, approvedBy, candidates, chosen, type Form, forOthers } from './answering.ts';
import { placeOf } from './commands.ts';
import type { Followed } from './followed.ts';
import { type Line, line, paragraph, span } from './lines.ts';
import type { Look } from './look.ts';
import { personName } from './narrate.ts';
import type { Screen } from './store.ts';
import { around } from './timeline-lines.ts';

function field(label: string, value: string, cells: number, look: Look): Line[] {
  return paragraph(`${value}${look.unicode ? '▏' : '_'}`, cells, 'now', [span(`${label} `, 'strong')]);
}

/** Why the answer under way would not count from the person pointed at; null when it would, or nobody is. */
function refusedFrom(by: Person | undefined, prompt: Prompt, form: Form, state: RunState, from: string): string | null {
  const answer = by && by.name !== '' && answerOf({ ...form, by }, { prompt, terminal: from });
  return answer ? refusal(state, answer) : null;
}

function peopleLines(prompt: Prompt, form: Form, followed: Followed, screen: Screen, cells: number): Line[] {
  const { look, terminal, view } = screen;
  const people = candidates({ prompt, state: followed.state, role: view.role });
  const refused = refusedFrom(people[form.candidate ?? -1], prompt, form, followed.state, terminal);
  const lines = people.map((person, index) => {
    const at = form.candidate === index;
    const title = followed.runbook.document.roles[person.role]?.title ?? person.role;
    const said = person.name === '' ? `${title}, name to be typed` : personName(person, followed.runbook);
    return [
      span(at ? `${look.glyphs.pointer} ` : '  ', 'now'),
      span(`${index + 1} `, 'key'),
      span(said, at ? 'strong' : 'plain'),
    ];
  });
  return [
    line('Who answers?', 'strong'),
    ...around(lines, form.candidate ?? 0, 6, look),
    ...(refused === null ? [] : paragraph(refused, cells, 'warn')),
  ];
}

function whoMay({ who }: Prompt, runbook: Runbook): string {
  if (who.length === 0) return 'Anyone with a role may answer.';
  return `For ${who.map((role) => runbook.document.roles[role]?.title ?? role).join(' or ')} to answer.`;
}

/** The last refusal on record of an answer given here, for the case that somebody else was faster. */
function refusedOnRecord(prompt: Prompt, state: RunState, terminal: string): string | null {
  const asked = state.prompts.find((each) => each.prompt.id === prompt.id && each.prompt.round === prompt.round);
  return asked?.answers.findLast((each) => each.answer.from === terminal)?.refused ?? null;
}

/** How strong the proof of a sign-off or an approval will be, where it is not a signature. */
function proofLines(prompt: Prompt, { state }: Followed, cells: number): Line[] {
  if (mustSign(state, { prompt })) return [];
  if (prompt.signed)
    return paragraph('A rehearsal takes the name; in a run, this is signed with an SSH key.', cells, 'quiet');
  if (!givesWord(prompt)) return [];
  return paragraph('The record will say: named at a keyboard, not signed.', cells, 'quiet');
}

/** What others have answered already, while nothing has been done about it. */
function givenLines(prompt: Prompt, { runbook, state }: Followed, cells: number): Line[] {
  const asked = state.prompts.find((each) => each.prompt.id === prompt.id && each.prompt.round === prompt.round);
  return (asked?.answers ?? [])
    .filter(({ refused }) => refused === null)
    .flatMap(({ answer }) =>
      paragraph(
        `${personName(answer.by, runbook)} has answered “${answer.choose}”${givesWord(prompt) ? `, ${PROOF_WORDS[answer.proof]}` : ''}; it is yet to be acted on.`,
        cells,
        'now',
      ),
    );
}

/** What is to be done now to answer, below the options. */
export function stageLines(screen: Screen, followed: Followed, prompt: Prompt, form: Form, cells: number): Line[] {
  const { look } = screen;
  const by: Person = form.by ?? screen.me;
  const keys = (text: string) => paragraph(text, cells, 'quiet');
  switch (form.stage) {
    case 'choose': {
      const here = candidates({ prompt, state: followed.state, role: screen.view.role }).length > 0;
      const tick = form.ticked.length > 0 ? 'space ticks, ' : '';
      return [
        ...givenLines(prompt, followed, cells),
        ...paragraph(whoMay(prompt, followed.runbook), cells, 'quiet'),
        ...(here ? [] : paragraph(forOthers(prompt, placeOf(followed.state, screen.journal)), cells, 'quiet')),
        ...keys(`${tick}arrows or a number choose, Enter goes on`),
      ];
    }
    case 'reason':
      return [...field('Why?', form.reason, cells, look), ...keys('Enter goes on, Esc goes back')];
    case 'who':
      return [
        ...peopleLines(prompt, form, followed, screen, cells),
        ...keys('arrows or a number choose, Enter goes on, Esc goes back'),
      ];
    case 'name':
      return [...field('Name:', form.name, cells, look), ...keys('Enter goes on, Esc goes back')];
    case 'confirm': {
      const option = chosen(form, prompt);
      const what = option?.choose ?? '';
      const asks = option?.effect === 'roll-back' && prompt.kind !== 'rollback';
      const why = form.reason.trim() !== '' && option?.reason ? `, because: ${form.reason.trim()}` : '';
      return [
        ...paragraph(`${personName(by, followed.runbook)} answers “${what}”${why}.`, cells, 'strong'),
        ...(asks ? paragraph(approvedBy(by, followed.runbook, followed.state), cells) : []),
        ...proofLines(prompt, followed, cells),
        ...paragraph(
          mustSign(followed.state, { prompt })
            ? 'Press Enter to sign this with an SSH key of yours. Esc goes back.'
            : 'Press Enter to put this on record. Esc goes back.',
          cells,
          'now',
        ),
      ];
    }
    case 'signing':
      return [line('Being signed on the terminal below this screen.', 'quiet')];
    case 'sent': {
      const refused = refusedOnRecord(prompt, followed.state, screen.terminal);
      return refused === null
        ? [line('Sent; it counts once the conductor acts on it. Esc goes back.', 'quiet')]
        : paragraph(`Refused: ${refused} Esc goes back.`, cells, 'warn');
    }
  }
}
