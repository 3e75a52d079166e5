import { type Entry, record, recorded, strike } from '../postgres/ledger.ts';
import { transaction } from '../postgres/transaction.ts';
import type { Result } from '../run/events.ts';
import type { Act } from '../run/performer.ts';
import type { Step } from '../runbook/step-schema.ts';
import { exportedBefore, exportRows } from './exports.ts';
import { runFile, runFiles } from './run-file.ts';
import { terms, variables, type World } from './world.ts';

/**
 * Runs a step's undo files and puts that on record, all in one transaction; once, however often it is called. What they
 * would destroy is exported before, and no lock is held for it.
 */
export async function undoFiles(step: Step, act: Act, world: World): Promise<Result> {
  const files = step.undo?.files ?? [];
  const undone: Entry = { run: world.run, step: step.id, part: 'undone', attempt: act.attempt };
  if (await nothingToUndo(step, world)) {
    return { summary: ['nothing left to undo', ...(await exportedBefore(step, world))].join('; ') };
  }
  const exported = await exportRows(step, act, world);
  await transaction(terms(world, step, act), async (client) => {
    if (step.kind === 'sql') await runFiles(client, world, step, files);
    else
      for (const path of files) await runFile(client, world, path, variables(world, 'vars' in step ? step.vars : {}));
    await strike(client, world.run, step.id);
    if (step.kind !== 'sql') await record(client, undone, files);
  });
  return { summary: [...exported, `ran ${files.join(', ')}`].join('; ') };
}

/** A step of SQL is in the ledger while there is something of it to undo; of any other, the ledger knows its undo. */
async function nothingToUndo(step: Step, { pool, run }: World): Promise<boolean> {
  return step.kind === 'sql'
    ? (await recorded(pool, run, step.id)) === undefined
    : (await recorded(pool, run, step.id, 'undone')) !== undefined;
}
