// A conductor in a process of its own, for a test to kill: it performs the flagship's backfills in very small batches, so
// that there are many moments to be killed at.

import { planRunbook } from '../../src/runbook/plan.ts';
import { flagshipRunbook, openFlagship } from './flagship.ts';

const { document, sources } = await flagshipRunbook();
for (const step of document.timeline.flatMap(({ steps }) => steps)) {
  if (step.kind === 'backfill')
    Object.assign(step, { batch: { blocks: 1, target: 1, slices: 1 }, pace: 'full', slow_down: undefined });
}
const as = { run: process.argv[2] ?? '', token: Number(process.argv[3]) };
await using flagship = await openFlagship(
  process.env as Record<string, string>,
  {},
  planRunbook(document, sources),
  as,
);
await flagship.perform('backfill-profiles', 'backfill-tables');
