// A conductor in a process of its own, for a test to kill: it performs the backfill and does nothing else.

import { actOf, stepOf } from './acting.ts';
import { FILES, PARTS } from './backfill-database.ts';
import { performing } from './performing.ts';

const performer = await performing(process.env as Record<string, string>, {
  run: process.argv[2] ?? '',
  parts: PARTS,
  files: FILES,
});
await performer.perform(stepOf('backfill', JSON.parse(process.argv[3] ?? '{}')), actOf());
