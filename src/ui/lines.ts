import { clip, type Inert, inert, pad, width, wrap } from './inert.ts';
import type { Look, Tone } from './look.ts';

/** A piece of text in one tone. Its text is inert, so whatever is put on the screen has passed through `inert`. */
export interface Span {
  text: Inert;
  tone: Tone;
}

/** One row of a pane. */
export type Line = Span[];

/** Makes a piece of a line out of any text, from inside or outside. */
export function span(text: string, tone: Tone = 'plain'): Span {
  return { text: inert(text), tone };
}

/** A line of one piece. */
export function line(text: string, tone: Tone = 'plain'): Line {
  return [span(text, tone)];
}

export const BLANK: Line = [];

/** Cells a line takes. */
export function lineWidth(spans: Line): number {
  return spans.reduce((sum, each) => sum + width(each.text), 0);
}

/** The text of a line alone, for where there are no tones. */
export function lineText(spans: Line): string {
  return spans
    .map((each) => each.text)
    .join('')
    .trimEnd();
}

/** The line, cut to at most that many cells. */
export function cut(spans: Line, cells: number, look: Look): Line {
  const fitted: Line = [];
  let left = cells;
  for (const each of spans) {
    const text = clip(each.text, left, inert(look.glyphs.cut));
    if (text !== '') fitted.push({ ...each, text });
    left -= width(text);
    if (text !== each.text) break;
  }
  return fitted;
}

/** `left` at the beginning and `right` at the end of a row of that many cells; `left` gives way. */
export function spread(left: Line, right: Line, cells: number, look: Look): Line {
  const room = cells - lineWidth(right) - 1;
  if (room < 8) return cut(left, cells, look);
  const fitted = cut(left, room, look);
  return [...fitted, span(' '.repeat(cells - lineWidth(fitted) - lineWidth(right))), ...right];
}

/** As many of the pieces, most important first, as fit beside each other, in the order they were given. */
export function pieces(candidates: (Line | null)[], cells: number, look: Look): Line {
  const between = span(` ${look.glyphs.dot} `, 'quiet');
  let row: Line = [];
  for (const each of candidates) {
    if (each === null || each.length === 0) continue;
    const longer = row.length === 0 ? each : [...row, between, ...each];
    if (lineWidth(longer) > cells && row.length > 0) continue;
    row = longer;
  }
  return cut(row, cells, look);
}

/** A paragraph, wrapped to that many cells; its further lines are indented as the first one's `lead` is wide. */
export function paragraph(text: string, cells: number, tone: Tone = 'plain', lead: Line = []): Line[] {
  const indent = lineWidth(lead);
  return wrap(inert(text), cells - indent).map((each, index) => [
    ...(index === 0 ? lead : indent > 0 ? [span(' '.repeat(indent))] : []),
    { text: each, tone },
  ]);
}

/** A bar of that many cells, filled to `part` (0 to 1). */
export function bar(part: number, cells: number, look: Look, tone: Tone = 'now'): Line {
  const filled = Math.max(0, Math.min(cells, part >= 1 ? cells : Math.floor(part * cells)));
  return [
    span(look.glyphs.full.repeat(filled), tone),
    span(look.glyphs.empty.repeat(Math.max(0, cells - filled)), 'quiet'),
  ];
}

/** The run of a number, one mark a value, the newest last. */
export function spark(values: number[], cells: number, look: Look): string {
  const newest = values.slice(-cells);
  const top = Math.max(...newest);
  const marks = [...look.glyphs.sparks];
  return newest.map((value) => marks[top <= 0 ? 0 : Math.round((value / top) * (marks.length - 1))] ?? '').join('');
}

/** Text in a column of exactly that many cells. */
export function cell(text: string, cells: number, tone: Tone = 'plain', side: 'left' | 'right' = 'right'): Span {
  return { text: pad(inert(text), cells, side), tone };
}
