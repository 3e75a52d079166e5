import type { Result } from '../../run/events.ts';
import type { Act } from '../../run/performer.ts';
import { called, itemsOf } from '../../runbook/plan.ts';
import type { Item } from '../../runbook/schema.ts';
import type { StepOf } from '../../runbook/step-schema.ts';
import { rowsOf, unmet } from '../expectation.ts';
import { ExpectationFailed, type Kind } from '../kind.ts';
import { checkAccess } from '../policies/access.ts';
import { runProgram } from '../program.ts';
import { type Found, query, rowsShown, together } from '../query.ts';
import { rolledBack } from '../rolled-back.ts';
import { source, variables, type World } from '../world.ts';
import { checkCatalog } from './catalog.ts';
import { checkRows, undoRows } from './rows.ts';

type Check = StepOf<'check'>;

/** Looks, and holds what is seen against what is expected. Every part the step names must hold. */
export const check: Kind<'check'> = {
  async perform(step, act, world) {
    const results: Result[] = [];
    if (step.sql !== undefined) results.push(await checkQuery(step.sql, step, act, world));
    if (step.command !== undefined) {
      const ended = await runProgram(step.command, step, act, world);
      const wrong = unmet({ exit: 0, ...step.expect }, ended);
      if (wrong.length > 0) throw new ExpectationFailed(`Not as expected: ${wrong.join('; ')}.`, [ended.evidence]);
      results.push({ summary: `exit code ${ended.exit}, as expected`, evidence: [ended.evidence] });
    }
    if (step.catalog !== undefined) results.push(await checkCatalog(step.catalog, step, act, world));
    if (step.rows !== undefined) results.push(await checkRows(step.rows, step, act, world));
    if (step.access !== undefined) results.push(await checkAccess(step.access, step, act, world));
    return { finished: all(results) };
  },

  async undo(step, act, world) {
    return step.rows === undefined ? { summary: 'a look changes nothing' } : undoRows(step.rows, step, act, world);
  },
};

async function checkQuery(path: string, step: Check, act: Act, world: World): Promise<Result> {
  const items = itemsOf(world.runbook, step.rows === undefined ? step.tables : undefined);
  const found: Found[] = [];
  await rolledBack(world, step, act, 'read only', async (client) => {
    found.length = 0;
    for (const item of items.length === 0 ? [{} as Item] : items) {
      found.push({
        of: called(item, items),
        table: await query(client, world, path, variables(world, step.vars, item)),
      });
    }
  });
  const shown = items.length === 0 ? found.map(({ table }) => table) : [together(found)];
  const evidence = shown.map((table) => rowsShown(source(world, path).path, table));
  const failures = found.flatMap(({ of, table }) =>
    unmet(step.expect ?? {}, { rows: table.rows }).map((what) => (of === '' ? what : `${of}: ${what}`)),
  );
  if (failures.length > 0) throw new ExpectationFailed(`Not as expected: ${failures.join('; ')}.`, evidence);
  const rows = found.reduce((sum, { table }) => sum + table.rows.length, 0);
  const value = found.length === 1 ? found[0]?.table.rows[0]?.[0] : undefined;
  return {
    summary:
      step.expect?.value !== undefined && value !== undefined
        ? `${value}, as expected`
        : `${rowsOf(rows)}, as expected`,
    facts: { rows, ...(value === undefined ? {} : { value }) },
    evidence,
  };
}

function all(results: Result[]): Result {
  return {
    summary: results.map(({ summary }) => summary).join('; '),
    facts: Object.assign({}, ...results.map(({ facts }) => facts)),
    evidence: results.flatMap(({ evidence }) => evidence ?? []),
  };
}
