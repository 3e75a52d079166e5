/** A decision with one way to go on: a step at which people are waited for. */
export const decision = (id: string, question: string, choose: string): object => ({
  id,
  kind: 'decision',
  title: question,
  question,
  options: [{ choose, says: 'It is so.', effect: 'proceed' }],
});

/**
 * A window of one activity, in which Ona, the only operator, has these steps carried out, as the text of a runbook.
 * @param steps as a runbook has them
 * @param more what else the runbook has
 */
export const windowOf = (id: string, steps: object[], more: object = {}): string =>
  JSON.stringify({
    runbook: 1,
    id,
    title: `The window ${id}`,
    window: { opens: '2026-01-01T00:00:00Z', closes: '2026-01-01T01:00:00Z' },
    roles: { ops: { title: 'Operator', people: [{ name: 'Ona' }] } },
    timeline: [{ id: 'all', title: 'All of it', at: '00:00', estimate: '10m', owner: 'ops', steps }],
    rollback: { approver: 'ops' },
    ...more,
  });
