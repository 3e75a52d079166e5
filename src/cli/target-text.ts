import type { Evidence } from '../run/events.ts';
import type { TargetFinding } from '../steps/target-check.ts';
import { inert } from '../ui/inert.ts';

const MARKS: Record<TargetFinding['verdict'], string> = { ok: 'ok  ', wrong: 'NO  ', asks: 'asks', left: '-   ' };

/** Rows of evidence that are shown; the rest is counted. */
const ROWS = 5;

/** What was found out about a target, a line for each thing, with the rows that speak against it below. */
export function targetLines({ verdict, what, said, evidence = [] }: TargetFinding): string[] {
  return [`${MARKS[verdict]} ${what}: ${said}`, ...evidence.flatMap(evidenceLines)].map(inert);
}

function evidenceLines(evidence: Evidence): string[] {
  if (evidence.kind !== 'rows') return [];
  const more = evidence.rows.length - ROWS + evidence.more;
  return [
    ...evidence.rows.slice(0, ROWS).map((row) => `       ${row.join(' | ')}`),
    ...(more > 0 ? [`       … ${more} more`] : []),
  ];
}
