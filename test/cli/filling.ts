import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FILES } from '../steps/backfill-database.ts';

const runbook = (step: object) => `
runbook: 1
id: fill
title: Fill a column
window: { opens: 2026-01-01T00:00:00Z, closes: 2026-01-01T01:00:00Z }
roles:
  ops: { title: Operator, people: [{ name: Ona }] }
lists:
  tables:
    - { name: order, schema: public }
    - { name: Big Table, schema: public }
timeline:
  - id: filling
    title: Filling
    at: 00:00
    estimate: 10m
    owner: ops
    steps:
      - ${JSON.stringify(step)}
      - id: over
        kind: decision
        title: Over
        question: Is it over?
        options: [{ choose: yes-it-is, says: It is., effect: proceed }]
rollback: { approver: ops }
`;

/** The backfill of such a window. @param batch as a runbook has it */
export const filling = (batch: object = {}) => ({
  id: 'fill',
  kind: 'backfill',
  title: 'Fill',
  tables: 'tables',
  file: 'fill.sql',
  remaining: 'remaining.sql',
  batch,
});

/** Writes a window that does one thing and asks whether it is over, and an answer to that. @param step as a runbook has it */
export async function writeFilling(folder: string, step: object = filling()): Promise<void> {
  await writeFile(join(folder, 'runbook.yaml'), runbook(step));
  await writeFile(join(folder, 'answers.yaml'), 'over: { choose: yes-it-is, as: ops }\n');
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text);
}
