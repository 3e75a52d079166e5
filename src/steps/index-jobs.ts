import { indexState } from '../postgres/index-build.ts';
import { recordedParts } from '../postgres/ledger.ts';
import { type PartitionedIndex, partitionTree } from '../postgres/partitioned-index.ts';
import { isPartitioned, qualified, type TableName, tableOf, tablesBehind } from '../postgres/tables.ts';
import { itemsOf } from '../runbook/plan.ts';
import type { Item } from '../runbook/schema.ts';
import type { StepOf } from '../runbook/step-schema.ts';
import { fill } from '../runbook/template.ts';
import type { World } from './world.ts';

/** One index to build. */
export interface Job {
  /** The list's; for a partition with schema and name of its own. */
  item: Item;
  table: TableName;
  index: string;
  /** What it is to become a part of, where it is of a partition. */
  whole: PartitionedIndex | undefined;
}

/** The indexes of a step: one for each table of its list, of a partitioned one for each partition that has rows. */
export async function jobsOf(step: StepOf<'index'>, world: World): Promise<Job[]> {
  const { settings } = world.runbook.document;
  const named = (item: Item) => fill(step.name, { item, settings });
  const ours = await recordedParts(world.pool, world.run, step.id);
  const jobs: Job[] = [];
  for (const item of itemsOf(world.runbook, step.tables)) {
    const table = tableOf(item);
    const root = { ...table, index: named(item) };
    const job = (of: Item, whole?: PartitionedIndex): Job => ({
      item: of,
      table: tableOf(of),
      index: named(of),
      whole,
    });
    const thereBefore = !ours.has(qualified(table)) && (await indexState(world.pool, table, root.index)) === 'valid';
    if (thereBefore || !(await isPartitioned(world.pool, table))) {
      jobs.push(job(item));
      continue;
    }
    const tree = await partitionTree(world.pool, table);
    const nodes = tree.map((node) => ({ ...node, index: named({ ...item, schema: node.schema, name: node.name }) }));
    const parts = await tablesBehind(world.pool, table);
    const whole = { nodes, root };
    jobs.push(...parts.map((part) => job({ ...item, ...part }, whole)));
  }
  return jobs;
}

/** The partitioned tables among them, each once. */
export function wholes(jobs: Job[]): Set<PartitionedIndex> {
  return new Set(jobs.flatMap(({ whole }) => whole ?? []));
}
