import type { Evidence, Result } from '../run/events.ts';
import type { Act } from '../run/performer.ts';
import { itemsOf } from '../runbook/plan.ts';
import type { StepOf } from '../runbook/step-schema.ts';
import { checkCatalog } from './check-catalog.ts';
import { checkRows, endRowWatch } from './check-rows.ts';
import { unmet } from './expectation.ts';
import { ExpectationFailed, type Kind } from './kind.ts';
import { runProgram } from './program.ts';
import { query, rowsShown } from './query.ts';
import { rolledBack } from './rolled-back.ts';
import { itemVariables, source, variables, type World } from './world.ts';

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
    return { finished: together(results) };
  },

  async undo(step, act, world) {
    return step.rows === 'remember' ? endRowWatch(step, act, world) : { summary: 'a look changes nothing' };
  },
};

async function checkQuery(path: string, step: Check, act: Act, world: World): Promise<Result> {
  const own = variables(world, step.vars);
  const items = itemsOf(world.runbook, step.rows === undefined ? step.tables : undefined);
  const asked =
    items.length === 0
      ? [{ of: '', vars: own }]
      : items.map((item) => ({
          of: item.name ?? '',
          vars: { ...itemVariables(world, item), ...own },
        }));
  const evidence: Evidence[] = [];
  const failures: string[] = [];
  let rows = 0;
  let value: string | undefined;
  await rolledBack(world, step, act, 'read only', async (client) => {
    for (const { of, vars } of asked) {
      const table = await query(client, world, path, vars);
      rows += table.rows.length;
      value ??= table.rows[0]?.[0];
      evidence.push(rowsShown([source(world, path).path, of].filter(Boolean).join(' · '), table));
      const failed = unmet(step.expect ?? {}, { rows: table.rows });
      failures.push(...failed.map((what) => (of === '' ? what : `${of}: ${what}`)));
    }
  });
  if (failures.length > 0) throw new ExpectationFailed(`Not as expected: ${failures.join('; ')}.`, evidence);
  return {
    summary:
      step.expect?.value !== undefined && asked.length === 1 ? `${value}, as expected` : `${rows} rows, as expected`,
    facts: { rows, ...(asked.length === 1 && value !== undefined ? { value } : {}) },
    evidence,
  };
}

function together(results: Result[]): Result {
  return {
    summary: results.map(({ summary }) => summary).join('; '),
    facts: Object.assign({}, ...results.map(({ facts }) => facts)),
    evidence: results.flatMap(({ evidence }) => evidence ?? []),
  };
}
