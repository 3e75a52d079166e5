import type { PoolClient } from 'pg';
import { query } from '../query.ts';
import type { World } from '../world.ts';

/** Of those somebody acts as or is tried against, one has left or changed since they were found. */
export class Changed extends Error {
  constructor() {
    super('those it was tried with left or changed all the time');
    this.name = 'Changed';
  }
}

/**
 * Holds people as they were found, to the end of the transaction under way.
 * @param path returns a row for each who is no longer as found
 * @throws Changed when there is one
 */
export async function hold(
  client: PoolClient,
  world: World,
  path: string | undefined,
  vars: Record<string, string>,
): Promise<void> {
  if (path !== undefined && (await query(client, world, path, vars)).rows.length > 0) throw new Changed();
}
