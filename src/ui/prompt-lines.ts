import type { Person, Prompt, PromptKind } from '../run/events.ts';
import type { RunState } from '../run/state.ts';
import type { Runbook } from '../runbook/plan.ts';
import { candidates, chosen, type Form } from './answering.ts';
import { evidenceLines, tooWide } from './evidence-lines.ts';
import { roughly } from './format.ts';
import { BLANK, cell, type Line, line, paragraph, span, spread } from './lines.ts';
import type { Look, Tone } from './look.ts';
import { personName } from './narrate.ts';
import { type Followed, planNow, type Screen } from './store.ts';
import { around } from './timeline-lines.ts';
import { openPrompts } from './view.ts';

/** Lines of which only a part is seen at a time. */
export interface Scrollable {
  lines: Line[];
  scrollMax: number;
  pageLength: number;
}

const MINUTE = 60_000;

const KIND: Record<PromptKind, { says: string; tone: Tone }> = {
  decision: { says: 'DECISION', tone: 'warn' },
  signoff: { says: 'SIGN-OFF', tone: 'warn' },
  manual: { says: 'CHECKLIST', tone: 'warn' },
  failure: { says: 'FAILED', tone: 'bad' },
  'in-doubt': { says: 'IN DOUBT', tone: 'bad' },
  rollback: { says: 'ROLLBACK', tone: 'bad' },
  tripwire: { says: 'TRIPWIRE', tone: 'bad' },
};

function titleLine(prompt: Prompt, screen: Screen, { state }: Followed, cells: number): Line {
  const { says, tone } = KIND[prompt.kind];
  const open = openPrompts(state);
  const waits = planNow(screen) - (state.prompts.find((each) => each.prompt === prompt)?.openedAt ?? planNow(screen));
  const badge: Line = [span(says, tone), span(prompt.round > 1 ? `  asked again, round ${prompt.round}` : '', 'quiet')];
  const others = open.length > 1 ? `${open.indexOf(prompt) + 1} of ${open.length}, Tab for the next` : '';
  const waiting = waits >= MINUTE ? `waits for ${roughly(waits)}` : '';
  const aside = [others, waiting].filter((each) => each !== '').join(', ');
  return aside === '' ? badge : spread(badge, line(aside, 'quiet'), cells, screen.look);
}

function itemLines(prompt: Prompt, form: Form, cells: number, height: number, look: Look): Line[] {
  const items = (prompt.items ?? []).map((item, index): Line[] => {
    const at = form.stage === 'choose' && form.cursor === index;
    const ticked = form.ticked[index] === true;
    const lead: Line = [
      span(at ? `${look.glyphs.pointer} ` : '  ', 'now'),
      span(`${ticked ? look.glyphs.tick : look.glyphs.box} `, ticked ? 'good' : 'plain'),
    ];
    return paragraph(item, cells, at ? 'strong' : 'plain', lead);
  });
  const lines = items.flat();
  const focus = items.slice(0, form.cursor ?? 0).flat().length;
  return around(lines, focus, Math.max(4, height), look);
}

function optionLines(prompt: Prompt, form: Form, cells: number, look: Look): Line[] {
  const picked = chosen(form, prompt);
  const longest = Math.max(...prompt.options.map((option) => option.choose.length));
  const column = Math.min(longest, Math.floor(cells / 4));
  return prompt.options.flatMap((option, index) => {
    const at = option === picked;
    if (form.stage !== 'choose' && !at) return [];
    const grave = option.effect === 'roll-back' || option.effect === 'abort';
    const proposed = prompt.proposal === option.choose ? ' (the run proposes this)' : '';
    const lead: Line = [
      span(at ? `${look.glyphs.pointer} ` : '  ', 'now'),
      span(`${index + 1} `, 'key'),
      cell(option.choose, column + 2, at ? 'now' : grave ? 'bad' : 'strong'),
    ];
    return paragraph(`${option.says}${proposed}`, cells, 'plain', lead);
  });
}

function field(label: string, value: string, cells: number, look: Look): Line[] {
  return paragraph(`${value}${look.unicode ? '▏' : '_'}`, cells, 'now', [span(`${label} `, 'strong')]);
}

function peopleLines(prompt: Prompt, form: Form, followed: Followed, cells: number, look: Look): Line[] {
  const people = candidates(prompt, followed.state);
  const lines = people.map((person, index) => {
    const at = form.candidate === index;
    const title = followed.runbook.document.roles[person.role]?.title ?? person.role;
    const said = person.name === '' ? `${title}, name to be typed` : personName(person, followed.runbook);
    return [span(at ? `${look.glyphs.pointer} ` : '  ', 'now'), span(said, at ? 'strong' : 'plain')];
  });
  return [line('Who answers?', 'strong'), ...around(lines, form.candidate ?? 0, 6, look)].map((each) =>
    each.slice(0, cells),
  );
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

function stageLines(screen: Screen, followed: Followed, prompt: Prompt, form: Form, cells: number): Line[] {
  const { look } = screen;
  const by: Person = form.by ?? screen.me;
  const keys = (text: string) => paragraph(text, cells, 'quiet');
  switch (form.stage) {
    case 'choose': {
      const tick = form.ticked.length > 0 ? 'space ticks, ' : '';
      return [
        ...paragraph(whoMay(prompt, followed.runbook), cells, 'quiet'),
        ...keys(`${tick}arrows or a number choose, Enter goes on`),
      ];
    }
    case 'reason':
      return [...field('Why?', form.reason, cells, look), ...keys('Enter goes on, Esc goes back')];
    case 'who':
      return [
        ...peopleLines(prompt, form, followed, cells, look),
        ...keys('arrows choose, Enter goes on, Esc goes back'),
      ];
    case 'name':
      return [...field('Name:', form.name, cells, look), ...keys('Enter goes on, Esc goes back')];
    case 'confirm': {
      const what = chosen(form, prompt)?.choose ?? '';
      const why = form.reason.trim() !== '' && chosen(form, prompt)?.reason ? `, because: ${form.reason.trim()}` : '';
      return [
        ...paragraph(`${personName(by, followed.runbook)} answers “${what}”${why}.`, cells, 'strong'),
        ...paragraph('Press Enter to put this on record. Esc goes back.', cells, 'now'),
      ];
    }
    case 'sent': {
      const refused = refusedOnRecord(prompt, followed.state, screen.terminal);
      return refused === null
        ? [line('Sent; the record of it is awaited.', 'quiet')]
        : paragraph(`Refused: ${refused} Esc goes back.`, cells, 'warn');
    }
  }
}

/** A question with its evidence, its options and how far answering it is. The evidence takes what room is left. */
export function promptLines(
  screen: Screen,
  followed: Followed,
  { prompt, form }: { prompt: Prompt; form: Form },
  cells: number,
  height: number,
): Scrollable {
  const { look } = screen;
  const question = paragraph(prompt.question, cells, 'strong').slice(0, 5);
  const top: Line[] = [titleLine(prompt, screen, followed, cells), ...question];
  const bottom: Line[] = [
    ...optionLines(prompt, form, cells, look),
    ...stageLines(screen, followed, prompt, form, cells),
    ...(form.refused === null ? [] : paragraph(form.refused, cells, 'warn')),
  ];
  const evidence = evidenceLines(prompt.evidence, cells, 'cut');
  const wide = tooWide(prompt.evidence, cells);
  const free = height - top.length - bottom.length;
  const items =
    form.stage === 'choose' ? itemLines(prompt, form, cells, evidence.length > 0 ? free / 2 : free - 1, look) : [];
  const room = free - items.length - (items.length > 0 ? 1 : 0) - (evidence.length > 0 ? 2 : 1);
  const hinted = wide || evidence.length > room;
  const seen = Math.max(0, Math.min(evidence.length, hinted ? room - 1 : room));
  const scrollMax = Math.max(0, evidence.length - seen);
  const from = Math.min(screen.view.scroll, scrollMax);
  const part = `lines ${from + 1}-${from + seen} of ${evidence.length}, PgUp PgDn scroll`;
  const hint = hinted ? [line(`${scrollMax > 0 ? `${part}; ` : ''}e shows the evidence in full`, 'quiet')] : [];
  const middle =
    evidence.length === 0
      ? []
      : seen < 2
        ? [line(`press e to see the evidence (${evidence.length} lines)`, 'warn')]
        : [BLANK, ...evidence.slice(from, from + seen), ...hint];
  const lines = [...top, ...middle, ...(items.length > 0 ? [BLANK, ...items] : []), BLANK, ...bottom];
  // On a very small terminal the answering part wins over the question, which the log also shows.
  return { lines: lines.length > height ? lines.slice(-height) : lines, scrollMax, pageLength: Math.max(1, seen - 1) };
}
