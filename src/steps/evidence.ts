import { basename } from 'node:path';
import type { Evidence } from '../run/events.ts';
import type { Act } from '../run/performer.ts';
import { called, itemsOf } from '../runbook/plan.ts';
import type { SourceFile } from '../runbook/schema.ts';
import type { StepOf } from '../runbook/step-schema.ts';
import { type Found, query, rowsShown, together } from './query.ts';
import { rolledBack } from './rolled-back.ts';
import { source, type World } from './world.ts';

/** What people are shown, and how many rows there were in all. */
export interface Gathered {
  evidence: Evidence[];
  rows: number;
}

/**
 * Runs the query files of a step to show what they find: each once, or once for each item of `tables`, whose answers stand
 * under one another with the item's name in front. Nothing can be changed by them.
 */
export async function gather(step: StepOf<'decision' | 'manual'>, act: Act, world: World): Promise<Gathered> {
  const gathered: Gathered = { evidence: [], rows: 0 };
  if (step.evidence.length === 0) return gathered;
  const { settings } = world.runbook.document;
  const items = itemsOf(world.runbook, step.tables);
  return rolledBack(world, step, act, 'read only', async (client) => {
    for (const path of step.evidence) {
      const found: Found[] = [];
      for (const item of items) {
        found.push({ of: called(item, items), table: await query(client, world, path, { ...settings, ...item }) });
      }
      const table = items.length > 0 ? together(found) : await query(client, world, path, settings);
      gathered.rows += table.rows.length;
      gathered.evidence.push(rowsShown(titleOf(source(world, path)), table));
    }
    return gathered;
  });
}

/** The first line of a query file, a comment, says what it shows; without one, its name does. */
function titleOf(file: SourceFile): string {
  return /^\s*--\s*(.+)/.exec(file.text)?.[1]?.trim() ?? basename(file.path, '.sql');
}
