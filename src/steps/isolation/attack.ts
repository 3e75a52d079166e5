import { basename } from 'node:path';
import type { PoolClient } from 'pg';
import { render, statements } from '../../runbook/sql-file.ts';
import type { Actor } from '../people/actors.ts';
import { type Attempt, attempt } from '../people/attempt.ts';
import { source, type World } from '../world.ts';

/** What an attack is called in the evidence. */
export const attackName = (path: string): string => basename(path, '.sql');

/**
 * Runs a file of statements as that person. Rows that the last statement returns or touches are rows that should have been
 * out of reach. A file that has to look at what it did says `reset role` before that.
 */
export function attack(
  client: PoolClient,
  world: World,
  path: string,
  actor: Actor,
  vars: Record<string, string>,
): Promise<Attempt> {
  const parts = statements(render(source(world, path).text, { ...vars, ...actor.variables }));
  return attempt(client, actor, async () => {
    let rows = 0;
    for (const { text } of parts) rows = (await client.query(text)).rowCount ?? 0;
    return rows;
  });
}
