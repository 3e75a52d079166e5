import type { Prompt, PromptKind } from '../run/events.ts';
import type { PromptState } from '../run/state.ts';
import { chosen, type Form } from './answering.ts';
import { evidenceLines, tooWide } from './evidence-lines.ts';
import type { Followed } from './followed.ts';
import { plural, roughly } from './format.ts';
import { BLANK, cell, type Line, line, paragraph, pieces, span, spread } from './lines.ts';
import type { Look, Tone } from './look.ts';
import { personName } from './narrate.ts';
import { stageLines } from './stage-lines.ts';
import { planNow, type Screen } from './store.ts';
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
  target: { says: 'IS IT THE SAME DATABASE?', tone: 'bad' },
  rollback: { says: 'ROLLBACK', tone: 'bad' },
  change: { says: 'CHANGED RUNBOOK', tone: 'warn' },
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

/** Each item of a checklist, in the lines it takes. */
function itemLines(prompt: Prompt, form: Form, cells: number, look: Look): Line[][] {
  return (prompt.items ?? []).map((item, index) => {
    const at = form.stage === 'choose' && form.cursor === index;
    const ticked = form.ticked[index] === true;
    const lead: Line = [
      span(at ? `${look.glyphs.pointer} ` : '  ', 'now'),
      span(`${ticked ? look.glyphs.tick : look.glyphs.box} `, ticked ? 'good' : 'plain'),
    ];
    return paragraph(item, cells, at ? 'strong' : 'plain', lead);
  });
}

/** Each option with its consequence, in the lines it takes; once one is chosen, that one alone. */
function optionLines(prompt: Prompt, form: Form, cells: number, look: Look): Line[][] {
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
      cell(option.choose, column + 2, grave ? 'bad' : at ? 'now' : 'strong'),
    ];
    return [paragraph(`${option.says}${proposed}`, cells, 'plain', lead)];
  });
}

/** As much of the evidence as there is room for, from where it was scrolled to, and how to see the rest. */
function evidencePart(prompt: Prompt, screen: Screen, cells: number, room: number) {
  const { look, view } = screen;
  const whole = evidenceLines(prompt.evidence, cells, 'whole');
  const fits = whole.length <= room;
  const wide = !fits && tooWide(prompt.evidence, cells);
  const lines = fits ? whole : evidenceLines(prompt.evidence, cells, 'cut');
  const seen = Math.max(0, Math.min(lines.length, wide || lines.length > room ? room - 1 : room));
  const scrollMax = lines.length - seen;
  const pageLength = Math.max(1, seen - 1);
  if (seen < 2 && !fits) {
    const shut = line(`press e to see the evidence (${plural(lines.length, 'line')})`, 'warn');
    return { lines: [shut], scrollMax: 0, pageLength, shut: true };
  }
  const from = Math.min(view.scroll, scrollMax);
  const part = line(`lines ${from + 1}-${from + seen} of ${lines.length}`, 'quiet');
  const hint = pieces(
    [
      scrollMax > 0 ? part : null,
      line('e shows it all', 'quiet'),
      scrollMax > 0 ? line('PgUp PgDn scroll', 'quiet') : null,
    ],
    cells,
    look,
  );
  const shown = lines.slice(from, from + seen);
  return { lines: wide || scrollMax > 0 ? [...shown, hint] : shown, scrollMax, pageLength, shut: false };
}

/** The parts below each other, a blank line between them where there is room for that. */
function stacked(parts: Line[][], height: number): Line[] {
  const full = parts.filter((each) => each.length > 0);
  const airy = full.flatMap((each, index) => (index === 0 ? each : [BLANK, ...each]));
  return airy.length <= height ? airy : full.flat();
}

/** A question that is on the screen. */
export interface Asked extends Scrollable {
  /** There was no room for all of it, or for any of its evidence. */
  cramped: boolean;
}

/** A question with its evidence, its options and how far answering it is. The evidence takes what room is left. */
export function promptLines(
  screen: Screen,
  followed: Followed,
  { prompt, form }: { prompt: Prompt; form: Form },
  cells: number,
  height: number,
): Asked {
  const { look } = screen;
  const top: Line[] = [titleLine(prompt, screen, followed, cells), ...paragraph(prompt.question, cells, 'strong')];
  const options = optionLines(prompt, form, cells, look);
  const stage: Line[] = [
    ...stageLines(screen, followed, prompt, form, cells),
    ...(form.refused === null ? [] : paragraph(form.refused, cells, 'warn')),
  ];
  const items = form.stage === 'choose' ? itemLines(prompt, form, cells, look) : [];
  const asking = [...items.flat(), ...options.flat(), ...stage];
  const none = { lines: [], scrollMax: 0, pageLength: 1, shut: false };
  const blanks = 2 + (items.length > 0 ? 1 : 0);
  const room = height - top.length - asking.length - blanks;
  const evidence = prompt.evidence.length === 0 ? none : evidencePart(prompt, screen, cells, room);
  const lines = stacked([top, evidence.lines, items.flat(), [...options.flat(), ...stage]], height);
  const { scrollMax, pageLength, shut } = evidence;
  if (lines.length <= height) return { lines, scrollMax, pageLength, cramped: shut };
  // What the pointer is on stays in sight; before anything is chosen that is the question, later what is being written.
  const before = [...items, ...options].slice(0, form.cursor ?? 0).flat().length;
  const focus =
    form.stage !== 'choose' ? lines.length - 1 : form.cursor === null ? 0 : lines.length - asking.length + before;
  return { lines: around(lines, focus, height, look), scrollMax, pageLength, cramped: true };
}

/** Instead of a question that was settled elsewhere while it was being answered here. */
export function overtakenLines(
  { prompt, settled }: PromptState,
  form: Form,
  followed: Followed,
  cells: number,
): Line[] {
  const by = settled && `${personName(settled.by, followed.runbook)} has answered “${settled.choose}”`;
  const written = form.stage === 'name' ? form.name : form.reason;
  return [
    line('NO LONGER ASKED', 'warn'),
    ...paragraph(prompt.question, cells, 'strong'),
    BLANK,
    ...paragraph(`${by ?? 'It was withdrawn'} while you were answering. Nothing of yours was sent.`, cells),
    ...(written.trim() === '' ? [] : paragraph(`You had written: ${written}`, cells, 'quiet')),
    BLANK,
    ...paragraph('Press Esc to go on.', cells, 'now'),
  ];
}
