import type { PoolClient } from 'pg';
import { recorded, recordedParts, strike } from '../../postgres/ledger.ts';
import { createPolicy, dropPolicy, type RowSecurity, restoreRowSecurity } from '../../postgres/policy.ts';
import { keep, kept } from '../../postgres/snapshot.ts';
import { qualified, tableOf } from '../../postgres/tables.ts';
import { transaction } from '../../postgres/transaction.ts';
import type { Result } from '../../run/events.ts';
import type { Act } from '../../run/performer.ts';
import { called, itemsOf } from '../../runbook/plan.ts';
import type { Verdict } from '../../runbook/policy-rules.ts';
import type { Item } from '../../runbook/schema.ts';
import type { StepOf } from '../../runbook/step-schema.ts';
import { ExpectationFailed, type Kind } from '../kind.ts';
import { runFile } from '../run-file.ts';
import { commit, itemVariables, terms, type World } from '../world.ts';
import { decided, inventory, mustRead } from './inventory.ts';
import { fileOf, judge, partOf } from './verdict.ts';

type Policies = StepOf<'policies'>;

/** What was done to one table: the names of its policies, by verdict, and of the new ones. */
type Change = Record<Verdict | 'created', string[]>;

/**
 * Replaces the policies of each table in a transaction of its own, old out and new in together, so that there is no
 * moment without them and no lock on two tables at once (F12). Policies are OR-ed: one that is left behind undoes the
 * others, so each that exists gets a verdict before the first is touched (F10).
 */
export const policies: Kind<'policies'> = {
  async perform(step, act, world) {
    const before = await recorded<Result>(world.pool, world.run, step.id);
    if (before !== undefined) return { finished: before };
    const items = itemsOf(world.runbook, step.tables);
    const done = await recordedParts<Change>(world.pool, world.run, step.id);
    await judgeAll(
      step,
      act,
      world,
      items.filter((item) => !done.has(partOf(item))),
    );
    for (const [index, item] of items.entries()) {
      act.pulse({ done: index, total: items.length, unit: 'tables', note: called(item, items) });
      const part = partOf(item);
      if (!done.has(part)) {
        done.set(part, await commit(world, step, act, part, (client) => replace(client, step, act, world, item)));
      }
    }
    return { finished: await commit(world, step, act, '', async () => told(done)) };
  },

  async verify(step, _act, world) {
    const result = await recorded<Result>(world.pool, world.run, step.id);
    return result === undefined ? { found: 'not-done' } : { found: 'done', result };
  },

  async undo(step, act, world) {
    let restored = 0;
    const exceptions: string[] = [];
    for (const item of itemsOf(world.runbook, step.tables).toReversed()) {
      const part = partOf(item);
      const change = await recorded<Change>(world.pool, world.run, step.id, part);
      if (change === undefined) continue;
      const stays = await transaction(terms(world, step, act), async (client) => {
        const before = await kept<RowSecurity>(client, world.run, step.id, part);
        if (before === undefined) throw new Error(`There is no snapshot of the policies of ${part}.`);
        const { created, replace, drop, 'keep-within': within } = change;
        const others = await restoreRowSecurity(client, tableOf(item), before, created, [
          ...replace,
          ...drop,
          ...within,
        ]);
        await strike(client, world.run, step.id, part);
        await strike(client, world.run, step.id, '');
        return others;
      });
      restored++;
      if (stays.length > 0) exceptions.push(`${part}: somebody else has made since, and it stays: ${stays.join(', ')}`);
    }
    return { summary: `Policies as they were on ${restored} tables`, exceptions };
  },
};

async function replace(client: PoolClient, step: Policies, act: Act, world: World, item: Item): Promise<Change> {
  const table = tableOf(item);
  // The lock that CREATE and DROP POLICY take anyway: what is read now is what there is until the end.
  await client.query(`lock table only ${qualified(table)} in access exclusive mode`);
  const before = await mustRead(client, item);
  await keep(client, world.run, step.id, partOf(item), before);
  const change: Change = { replace: [], keep: [], 'keep-within': [], drop: [], created: [] };
  for (const { policy, verdict, within } of decided(step, judge(step, act, world, item, before))) {
    change[verdict].push(policy.name);
    if (verdict === 'keep') continue;
    await dropPolicy(client, table, policy.name);
    if (within !== undefined) await createPolicy(client, table, within);
  }
  const file = fileOf(step, item);
  await runFile(client, world, file, itemVariables(world, item));
  const after = await mustRead(client, item);
  if (!after.enabled) {
    throw new ExpectationFailed(
      `Row-level security is not enabled on ${partOf(item)}: its policies would do nothing.`,
      [],
      `Enable it in ${file} (ALTER TABLE … ENABLE ROW LEVEL SECURITY), once you know who relies on its absence.`,
    );
  }
  const old = [...change.keep, ...change['keep-within']];
  change.created = after.policies.map(({ name }) => name).filter((name) => !old.includes(name));
  return change;
}

/** Looks at every table before the first is touched. @throws ExpectationFailed when a policy has no verdict */
async function judgeAll(step: Policies, act: Act, world: World, items: Item[]): Promise<void> {
  const all = await transaction(terms(world, step, act), (client) => inventory(client, step, act, world, items));
  decided(step, all);
}

function told(done: Map<string, Change>): Result {
  const changes = [...done.values()];
  const count = (of: keyof Change) => changes.reduce((sum, change) => sum + change[of].length, 0);
  const [created, replaced, kept, within, dropped] = [
    count('created'),
    count('replace'),
    count('keep'),
    count('keep-within'),
    count('drop'),
  ];
  return {
    summary: `${created} policies on ${done.size} tables; ${replaced} replaced, ${kept} kept, ${within} kept within, ${dropped} dropped`,
    facts: { tables: done.size, created, replaced, kept, within, dropped },
    evidence: [
      {
        kind: 'rows',
        title: 'Policies, table by table',
        columns: ['table', 'new', 'replaced', 'kept', 'kept within', 'dropped'],
        rows: [...done].map(([table, change]) => [
          table,
          ...(['created', 'replace', 'keep', 'keep-within', 'drop'] as const).map((of) => change[of].join(', ')),
        ]),
        more: 0,
      },
    ],
  };
}
