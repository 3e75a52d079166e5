import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FILES } from '../steps/backfill-database.ts';
import { decision, windowOf } from './window.ts';

const TABLES = ['order', 'Big Table'].map((name) => ({ name, schema: 'public' }));

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
  const steps = [step, decision('over', 'Is it over?', 'yes-it-is')];
  await writeFile(join(folder, 'runbook.yaml'), windowOf('fill', steps, { lists: { tables: TABLES } }));
  await writeFile(join(folder, 'answers.yaml'), 'over: { choose: yes-it-is, as: ops }\n');
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text);
}
