import type { PoolClient } from 'pg';
import { recorded, recordedParts, strike } from '../postgres/ledger.ts';
import { dropPolicy, type Policy, type RowSecurity, readRowSecurity, restoreRowSecurity } from '../postgres/policy.ts';
import { keep, kept } from '../postgres/snapshot.ts';
import { tableOf } from '../postgres/tables.ts';
import { transaction } from '../postgres/transaction.ts';
import type { Result } from '../run/events.ts';
import type { Act } from '../run/performer.ts';
import { itemsOf } from '../runbook/plan.ts';
import type { Item } from '../runbook/schema.ts';
import type { StepOf } from '../runbook/step-schema.ts';
import { ExpectationFailed, type Kind } from './kind.ts';
import { undecided, verdict } from './policy-verdict.ts';
import { runFile } from './run-file.ts';
import { commit, itemVariables, terms, type World } from './world.ts';

type Policies = StepOf<'policies'>;

/** What was done to one table: the names of its policies, by verdict, and of the new ones. */
interface Change {
  replaced: string[];
  kept: string[];
  dropped: string[];
  created: string[];
}

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
      act.pulse({ done: index, total: items.length, unit: 'tables', note: item.name ?? '' });
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
    const restored: string[] = [];
    for (const item of itemsOf(world.runbook, step.tables).toReversed()) {
      const part = partOf(item);
      if ((await recorded(world.pool, world.run, step.id, part)) === undefined) continue;
      await transaction(terms(world, step, act), async (client) => {
        const before = await kept<RowSecurity>(client, world.run, step.id, part);
        if (before === undefined) throw new Error(`There is no snapshot of the policies of ${part}.`);
        await restoreRowSecurity(client, tableOf(item), before);
        await strike(client, world.run, step.id, part);
        await strike(client, world.run, step.id, '');
      });
      restored.push(part);
    }
    return { summary: `Policies as they were on ${restored.length} tables` };
  },
};

async function replace(client: PoolClient, step: Policies, act: Act, world: World, item: Item): Promise<Change> {
  const table = tableOf(item);
  const before = await mustRead(client, item);
  await keep(client, world.run, step.id, partOf(item), before);
  const change: Change = { replaced: [], kept: [], dropped: [], created: [] };
  for (const { name } of before.policies) {
    const is = verdict(step, act, name);
    // One that appeared since the inventory: nobody has decided about it.
    if (is === 'unexpected') throw undecided(step, [[partOf(item), before]], () => is);
    if (is !== 'kept') await dropPolicy(client, table, name);
    change[is].push(name);
  }
  const file = item.policies ?? step.file;
  if (file === undefined) throw new Error(`Neither the step nor the item ${partOf(item)} names a file of policies.`);
  await runFile(client, world, file, itemVariables(world, item));
  const after = await mustRead(client, item);
  if (!after.enabled) {
    throw new ExpectationFailed(
      `Row-level security is not enabled on ${partOf(item)}: its policies would do nothing.`,
      [],
      `Enable it in ${file} (ALTER TABLE … ENABLE ROW LEVEL SECURITY), once you know who relies on its absence.`,
    );
  }
  change.created = after.policies.map(({ name }) => name).filter((name) => !change.kept.includes(name));
  return change;
}

async function mustRead(client: PoolClient, item: Item): Promise<RowSecurity> {
  const security = await readRowSecurity(client, tableOf(item));
  if (security === undefined) {
    throw new ExpectationFailed(`There is no table ${partOf(item)}.`, [], `Correct the list, or make the table.`);
  }
  return security;
}

/** Looks at every table before the first is touched. @throws ExpectationFailed when a policy has no verdict */
async function judgeAll(step: Policies, act: Act, world: World, items: Item[]): Promise<void> {
  const found = await transaction(terms(world, step, act), async (client) => {
    const all: [string, RowSecurity][] = [];
    for (const item of items) all.push([partOf(item), await mustRead(client, item)]);
    return all;
  });
  const judged = (policy: Policy) => verdict(step, act, policy.name);
  if (found.some(([, { policies }]) => policies.some((policy) => judged(policy) === 'unexpected'))) {
    throw undecided(step, found, judged);
  }
}

function told(done: Map<string, Change>): Result {
  const changes = [...done.values()];
  const count = (of: keyof Change) => changes.reduce((sum, change) => sum + change[of].length, 0);
  const [created, replaced, left, dropped] = [count('created'), count('replaced'), count('kept'), count('dropped')];
  return {
    summary: `${created} policies on ${done.size} tables; ${replaced} replaced, ${left} kept, ${dropped} dropped by decision`,
    facts: { tables: done.size, created, replaced, kept: left, dropped },
    evidence: [
      {
        kind: 'rows',
        title: 'Policies, table by table',
        columns: ['table', 'new', 'replaced', 'kept', 'dropped'],
        rows: [...done].map(([table, change]) => [
          table,
          change.created.join(', '),
          change.replaced.join(', '),
          change.kept.join(', '),
          change.dropped.join(', '),
        ]),
        more: 0,
      },
    ],
  };
}

const partOf = (item: Item) => `${tableOf(item).schema}.${tableOf(item).name}`;
