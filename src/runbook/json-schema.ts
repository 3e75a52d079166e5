import * as z from 'zod';
import { document } from './schema.ts';

/** The form of a runbook as JSON Schema (draft 7, which every editor knows), to complete and check while one writes. */
export function jsonSchema(): string {
  const schema = z.toJSONSchema(document, { io: 'input', reused: 'ref', target: 'draft-7' });
  return `${JSON.stringify({ title: 'A middlewatch runbook', ...schema }, null, 2)}\n`;
}
