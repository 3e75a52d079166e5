import { planRunbook, type Runbook } from '../src/runbook/plan.ts';
import { type Flagship, flagshipRunbook, openFlagship } from '../test/flagship/flagship.ts';
import type { Copy } from './database.ts';

export interface Shape {
  /** Tables to backfill; all twelve when absent. */
  tables?: string[];
  /** As many as the flagship has when absent. */
  workers?: number;
  pace: 'gentle' | 'full';
}

/** The flagship with other tables, workers or pace; its SQL is as it comes. */
async function shaped({ tables, workers, pace }: Shape): Promise<Runbook> {
  const { document, sources } = await flagshipRunbook();
  const changed = structuredClone(document);
  for (const list of ['tables', 'secured']) {
    changed.lists[list] = (changed.lists[list] ?? []).filter(({ name }) => tables?.includes(name ?? '') ?? true);
  }
  for (const step of changed.timeline.flatMap((activity) => activity.steps)) {
    if (step.kind === 'backfill')
      Object.assign(step, { workers: workers ?? step.workers, pace }, pace === 'full' && { slow_down: undefined });
  }
  return planRunbook(changed, sources);
}

/** The flagship up to where the twelve tables have their column and their triggers, and the backfill is next. */
export async function beforeBackfill(on: Copy, shape: Shape): Promise<Flagship> {
  const flagship = await openFlagship(on.env, {}, await shaped(shape));
  await flagship.perform('rows-before', 'create-tenants', 'fill-tenants', 'backfill-profiles', 'profiles-constraint');
  return flagship;
}
