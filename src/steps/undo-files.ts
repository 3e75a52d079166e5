import { recorded, strike } from '../postgres/ledger.ts';
import { transaction } from '../postgres/transaction.ts';
import type { Result } from '../run/events.ts';
import type { Act } from '../run/performer.ts';
import type { Step } from '../runbook/step-schema.ts';
import { runFile } from './run-file.ts';
import { terms, variables, type World } from './world.ts';

/** Runs a step's undo files and takes it out of the ledger, all in one transaction. */
export async function undoFiles(step: Step, act: Act, world: World): Promise<Result> {
  const files = step.undo?.files ?? [];
  const vars = 'vars' in step ? variables(world, step.vars) : {};
  // A sql step that is not in the ledger never happened: nothing to undo.
  if (step.kind === 'sql' && (await recorded(world.pool, world.run, step.id)) === undefined) {
    return { summary: 'Nothing had been committed; nothing to undo.' };
  }
  await transaction(terms(world, step, act), async (client) => {
    for (const path of files) await runFile(client, world, path, vars);
    await strike(client, world.run, step.id);
  });
  return { summary: `Undone: ${files.join(', ')}` };
}
