import type { Evidence } from '../run/events.ts';
import { count } from './format.ts';
import { type Inert, inert, inertLines, width, wrap } from './inert.ts';
import { BLANK, cell, type Line, line } from './lines.ts';

const GAP = 2;
const NARROWEST = 6;
const NUMERIC = /^-?[\d.,]*$/;

/** Cells for each column, so that they fit beside each other where they can: the widest give way first, down to a floor. */
function columnCells(table: Inert[][], cells: number): number[] {
  const wanted = (table[0] ?? []).map((_, column) =>
    Math.max(1, ...table.map((row) => width(row[column] ?? inert('')))),
  );
  const room = cells - GAP * (wanted.length - 1);
  const capped = (cap: number) => wanted.map((each) => Math.min(each, cap));
  const sum = (widths: number[]) => widths.reduce((total, each) => total + each, 0);
  let cap = Math.max(NARROWEST, Math.min(cells, Math.max(...wanted)));
  while (cap > NARROWEST && sum(capped(cap)) > room) cap -= 1;
  const widths = capped(cap);
  // What the cap leaves over by rounding goes to the first column that wants it.
  const hungry = widths.findIndex((each, column) => each < (wanted[column] ?? 0));
  if (hungry >= 0) widths[hungry] = (widths[hungry] ?? 0) + Math.max(0, room - sum(widths));
  return widths;
}

function tableLines({ columns, rows, more }: Extract<Evidence, { kind: 'rows' }>, cells: number): Line[] {
  if (rows.length === 0) return [line('no rows', 'quiet')];
  const head = columns.map((each) => inert(each));
  const body = rows.map((row) => columns.map((_, index) => inert(row[index] ?? '')));
  const widths = columnCells([head, ...body], cells);
  const numeric = widths.map((_, column) => body.every((row) => NUMERIC.test(row[column] ?? '')));
  const laid = (row: Inert[], tone: 'quiet' | 'plain'): Line =>
    row.flatMap((text, column) => {
      const last = column === widths.length - 1;
      const side = numeric[column] ? 'left' : 'right';
      return [cell(text, widths[column] ?? 0, tone, side), ...(last ? [] : [cell('', GAP)])];
    });
  return [
    laid(head, 'quiet'),
    ...body.map((row) => laid(row, 'plain')),
    ...(more > 0 ? [line(`and ${count(more)} more`, 'quiet')] : []),
  ];
}

/** What a person is to look at before deciding, as lines of that many cells. Everything in it is from outside. */
export function evidenceLines(evidence: readonly Evidence[], cells: number): Line[] {
  return evidence.flatMap((each, index) => [
    ...(index === 0 ? [] : [BLANK]),
    line(each.title, 'strong'),
    ...(each.kind === 'rows'
      ? tableLines(each, cells)
      : inertLines(each.text).flatMap((text) => wrap(text, cells).map((part) => line(part)))),
  ]);
}
