import { hash } from 'node:crypto';
import { inventory } from '../../postgres/catalog.ts';
import { keep, kept } from '../../postgres/snapshot.ts';
import { transaction } from '../../postgres/transaction.ts';
import type { Result } from '../../run/events.ts';
import type { Act } from '../../run/performer.ts';
import type { Step } from '../../runbook/step-schema.ts';
import { ExpectationFailed } from '../kind.ts';
import { rowsShown } from '../query.ts';
import { terms, type World } from '../world.ts';

/** The snapshot's name: a run has one catalog to go back to. */
const CATALOG = 'catalog';

/**
 * Keeps a fingerprint of the schemas in scope, or compares with the one kept.
 * @throws ExpectationFailed with every object that is not what it was
 */
export async function checkCatalog(what: 'remember' | 'compare', step: Step, act: Act, world: World): Promise<Result> {
  const { schemas } = world.runbook.document.target;
  const { before, now } = await transaction(terms(world, step, act), async (client) => {
    const now = await inventory(client, schemas);
    if (what === 'remember') await keep(client, world.run, CATALOG, '', now);
    return { now, before: await kept<string[]>(client, world.run, CATALOG, '') };
  });
  if (before === undefined) throw new Error('No fingerprint was kept that this one could be compared with.');
  const facts = { objects: now.length, fingerprint: hash('sha256', now.join('\n')) };
  const rows = [
    ...missingFrom(now, before).map((line) => ['gone', line]),
    ...missingFrom(before, now).map((line) => ['new', line]),
  ];
  if (rows.length > 0) {
    throw new ExpectationFailed(
      `${rows.length} differences from the fingerprint kept before: ${schemas.join(', ')} ${schemas.length === 1 ? 'is' : 'are'} not as before.`,
      [rowsShown('What is not as it was', { columns: ['is', 'object'], rows })],
      'An object that changed stands here twice: as it was (gone) and as it is (new). Put it right, then retry.',
    );
  }
  return {
    summary: what === 'remember' ? `fingerprint of ${now.length} objects kept` : `all ${now.length} objects as before`,
    facts,
  };
}

function missingFrom(lines: string[], others: string[]): string[] {
  const there = new Set(lines);
  return others.filter((line) => !there.has(line));
}
