import type { Evidence } from '../run/events.ts';
import { count } from './format.ts';
import { type Inert, inert, inertLines, width, wrap } from './inert.ts';
import { BLANK, cell, type Line, line, paragraph } from './lines.ts';

const GAP = 2;
const NARROWEST = 6;
const NUMERIC = /^-?[\d.,]*$/;

type Rows = Extract<Evidence, { kind: 'rows' }>;

/** How evidence is laid out: `cut` keeps one line a row, `whole` hides nothing of a value. */
export type Layout = 'cut' | 'whole';

/** The cells each column would take if there were room for all of it. */
function wantedCells(table: Inert[][]): number[] {
  return (table[0] ?? []).map((_, column) => Math.max(1, ...table.map((row) => width(row[column] ?? inert('')))));
}

const sum = (widths: number[]) => widths.reduce((total, each) => total + each, 0);

/** Cells for each column, so that they fit beside each other where they can: the widest give way first, down to a floor. */
function columnCells(wanted: number[], room: number): number[] {
  const capped = (cap: number) => wanted.map((each) => Math.min(each, cap));
  let cap = Math.max(NARROWEST, Math.min(room, Math.max(...wanted)));
  while (cap > NARROWEST && sum(capped(cap)) > room) cap -= 1;
  const widths = capped(cap);
  // What the cap leaves over by rounding goes to the first column that wants it.
  const hungry = widths.findIndex((each, column) => each < (wanted[column] ?? 0));
  if (hungry >= 0) widths[hungry] = (widths[hungry] ?? 0) + Math.max(0, room - sum(widths));
  return widths;
}

/** One value a line under its column's name, as `\x` does in psql. */
function recordLines(head: Inert[], body: Inert[][], cells: number): Line[] {
  const names = Math.min(24, Math.max(...head.map((each) => width(each))));
  return body.flatMap((row, index) => [
    ...(index === 0 ? [] : [BLANK]),
    ...row.flatMap((text, column) => paragraph(text, cells, 'plain', [cell(head[column] ?? '', names + GAP, 'quiet')])),
  ]);
}

function gridLines(head: Inert[], body: Inert[][], widths: number[]): Line[] {
  const numeric = widths.map((_, column) => body.every((row) => NUMERIC.test(row[column] ?? '')));
  const laid = (row: Inert[], tone: 'quiet' | 'plain'): Line =>
    row.flatMap((text, column) => {
      const last = column === widths.length - 1;
      const side = numeric[column] ? 'left' : 'right';
      return [cell(text, widths[column] ?? 0, tone, side), ...(last ? [] : [cell('', GAP)])];
    });
  return [laid(head, 'quiet'), ...body.map((row) => laid(row, 'plain'))];
}

function tableLines({ columns, rows, more }: Rows, cells: number, layout: Layout): Line[] {
  if (rows.length === 0) return [line('no rows', 'quiet')];
  const head = columns.map((each) => inert(each));
  const body = rows.map((row) => columns.map((_, index) => inert(row[index] ?? '')));
  const wanted = wantedCells([head, ...body]);
  const room = cells - GAP * (wanted.length - 1);
  const records = layout === 'whole' && sum(wanted) > room;
  return [
    ...(records ? recordLines(head, body, cells) : gridLines(head, body, columnCells(wanted, room))),
    ...(more > 0 ? [line(`and ${count(more)} more`, 'quiet')] : []),
  ];
}

/** What a person is to look at before deciding, as lines of that many cells. Everything in it is from outside. */
export function evidenceLines(evidence: readonly Evidence[], cells: number, layout: Layout): Line[] {
  return evidence.flatMap((each, index) => [
    ...(index === 0 ? [] : [BLANK]),
    ...paragraph(each.title, cells, 'strong'),
    ...(each.kind === 'rows'
      ? tableLines(each, cells, layout)
      : inertLines(each.text).flatMap((text) => wrap(text, cells).map((part) => line(part)))),
  ]);
}

/** Whether a table has more in its rows than fits into that many cells. */
export function tooWide(evidence: readonly Evidence[], cells: number): boolean {
  return evidence.some((each) => {
    if (each.kind !== 'rows') return false;
    const wanted = wantedCells([each.columns, ...each.rows].map((row) => row.map((text) => inert(text))));
    return sum(wanted) + GAP * (wanted.length - 1) > cells;
  });
}
