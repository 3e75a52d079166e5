import type { Queryable } from '../../postgres/ask.ts';
import { type RowSecurity, readRowSecurity } from '../../postgres/policy.ts';
import { tableOf } from '../../postgres/tables.ts';
import type { Act } from '../../run/performer.ts';
import { itemsOf } from '../../runbook/plan.ts';
import type { Verdict } from '../../runbook/policy-rules.ts';
import type { Item } from '../../runbook/schema.ts';
import type { StepOf } from '../../runbook/step-schema.ts';
import type { Gathered } from '../evidence.ts';
import { ExpectationFailed } from '../kind.ts';
import { rolledBack } from '../rolled-back.ts';
import type { World } from '../world.ts';
import { decidedShown, type Judged, judge, partOf, undecidedShown } from './verdict.ts';

type Policies = StepOf<'policies'>;

/** Row-level security of an item's table. @throws ExpectationFailed when there is no such table */
export async function mustRead(client: Queryable, item: Item): Promise<RowSecurity> {
  const security = await readRowSecurity(client, tableOf(item));
  if (security === undefined) {
    throw new ExpectationFailed(`There is no table ${partOf(item)}.`, [], `Correct the list, or make the table.`);
  }
  return security;
}

/** Every policy there is on these tables, and what becomes of it. */
export async function inventory(
  client: Queryable,
  step: Policies,
  act: Act,
  world: World,
  items: Item[],
): Promise<Judged[]> {
  const all: Judged[] = [];
  for (const item of items) all.push(...judge(step, act, world, item, await mustRead(client, item)));
  return all;
}

/** The policies with their verdicts. @throws ExpectationFailed when one has none, with what it says */
export function decided(step: Policies, judged: Judged[]): (Judged & { verdict: Verdict })[] {
  const known = judged.flatMap(({ verdict, ...rest }) => (verdict === undefined ? [] : [{ ...rest, verdict }]));
  if (known.length === judged.length) return known;
  throw new ExpectationFailed(
    'There are policies that nobody has decided about; no table has been touched because of them.',
    [undecidedShown(judged)],
    step.unexpected === undefined
      ? 'Name them under `verdicts`, or add a decision and name it under `unexpected`.'
      : `The decision ${step.unexpected} was not about them. Have whoever made them take them away, then retry; or roll back, and decide anew.`,
  );
}

/** @throws ExpectationFailed when a policy that stays has the name of a new one */
export function mustBeFree(names: string[], stays: Judged[]): void {
  const taken = stays.find(({ policy }) => names.includes(policy.name));
  if (taken === undefined) return;
  throw new ExpectationFailed(
    `The policy "${taken.policy.name}" of ${taken.table} stays, and a new one is to have its name.`,
    [],
    'Give it another name (ALTER POLICY … RENAME TO …), or the new one, then retry.',
  );
}

/** What a decision shows that settles policies: those without a verdict, which are its rows, and what becomes of the others. */
export async function showPolicies(decision: StepOf<'decision'>, act: Act, world: World): Promise<Gathered> {
  const steps = world.runbook.activities.flatMap((activity) => activity.steps);
  const gathered: Gathered = { evidence: [], rows: 0 };
  for (const step of steps) {
    if (step.kind !== 'policies' || step.unexpected !== decision.id) continue;
    const judged = await rolledBack(world, decision, act, 'read only', (client) =>
      inventory(client, step, act, world, itemsOf(world.runbook, step.tables)),
    );
    const undecided = undecidedShown(judged);
    gathered.evidence.push(undecided, decidedShown(judged));
    gathered.rows += undecided.kind === 'rows' ? undecided.rows.length : 0;
  }
  return gathered;
}
