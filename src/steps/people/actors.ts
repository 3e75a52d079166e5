import type { PoolClient } from 'pg';
import { query } from '../query.ts';
import type { World } from '../world.ts';

/** Somebody to act as. `variables` are all columns of their row, for the SQL that is run as them. */
export interface Actor {
  label: string;
  role: string;
  /** JSON as an application would send it; empty for nobody in particular. */
  claims: string;
  variables: Record<string, string>;
}

/**
 * The people a file finds to act as: a row each, with the columns `actor` (a label) and `claims`; `role`, where the row has
 * it, goes before the step's.
 * @throws Error when a column is missing
 */
export async function actorsOf(
  client: PoolClient,
  world: World,
  path: string,
  role: string,
  item: Record<string, string>,
): Promise<Actor[]> {
  const { columns, rows } = await query(client, world, path, { ...world.runbook.document.settings, ...item });
  return rows.map((row) => {
    const variables = Object.fromEntries(columns.map((column, i) => [column, row[i] ?? '']));
    const { actor, claims } = variables;
    if (actor === undefined || claims === undefined)
      throw new Error(`${path} has to return the columns actor and claims.`);
    return { label: actor, claims, role: variables.role ?? role, variables };
  });
}
