import type { Result } from '../../run/events.ts';

/** What became of one table. */
export interface Outcome {
  name: string;
  filled: number;
  remaining: number;
}

/** What the step came to: rows that nothing can be filled from are exceptions. */
export function told(outcomes: Outcome[]): Result {
  const filled = outcomes.reduce((sum, each) => sum + each.filled, 0);
  const left = outcomes.filter(({ remaining }) => remaining > 0);
  const remaining = left.reduce((sum, each) => sum + each.remaining, 0);
  const tables = outcomes.length === 1 ? '1 table' : `${outcomes.length} tables`;
  return {
    summary: `${filled} rows filled in ${tables}${remaining === 0 ? '' : `; ${remaining} cannot be filled`}`,
    facts: { rows: filled, remaining, tables: outcomes.length },
    evidence: [
      {
        kind: 'rows',
        title: 'Rows filled, table by table',
        columns: ['table', 'filled', 'cannot be filled'],
        rows: outcomes.map((each) => [each.name, String(each.filled), String(each.remaining)]),
        more: 0,
      },
    ],
    ...(left.length === 0
      ? {}
      : { exceptions: left.map((each) => `${each.name}: ${each.remaining} rows have nothing to be filled with`) }),
  };
}
