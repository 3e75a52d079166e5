import type { Evidence } from '../run/events.ts';
import type { TargetFinding } from '../steps/target-check.ts';
import { inert } from '../ui/inert.ts';

const MARKS: Record<TargetFinding['verdict'], string> = { ok: 'ok  ', wrong: 'NO  ', asks: 'asks', left: '-   ' };

/** Rows of evidence that are shown; the rest is counted. */
const ROWS = 5;

/** What was found out about a target, a line for each thing, with the rows that speak against it below. */
export function targetLines({ verdict, what, said, evidence = [] }: TargetFinding): string[] {
  const shown = evidence.filter((each) => each.kind === 'rows' && each.rows.length > 0);
  return [`${MARKS[verdict]} ${what}: ${said}`, ...shown.flatMap((each) => evidenceLines(each, shown.length > 1))].map(
    inert,
  );
}

function evidenceLines(evidence: Evidence, titled: boolean): string[] {
  if (evidence.kind !== 'rows') return [];
  const more = evidence.rows.length - ROWS + evidence.more;
  return [
    ...(titled ? [`       ${evidence.title}:`] : []),
    `       (${evidence.columns.join(' | ')})`,
    ...evidence.rows.slice(0, ROWS).map((row) => `       ${row.join(' | ')}`),
    ...(more > 0 ? [`       … ${more} more`] : []),
  ];
}
