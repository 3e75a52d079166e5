import type { Queryable } from './ask.ts';
import type { Policy } from './policy.ts';

/** What row-level security holds rows back from. INSERT is not among them: there is no row yet. */
export const REACHES = ['select', 'update', 'delete'] as const;
export type Reach = (typeof REACHES)[number];

/** Those of the policies that are for a role, or for a role whose rights it has. */
export async function policiesFor(client: Queryable, role: string, policies: Policy[]): Promise<Policy[]> {
  const { rows } = await client.query<{ rolname: string }>(
    "select rolname from pg_roles where pg_has_role($1::name, oid, 'usage')",
    [role],
  );
  const rights = new Set(rows.map(({ rolname }) => rolname));
  return policies.filter(({ roles }) => roles.some((each) => each === null || rights.has(each)));
}

/** Whether a command asks this policy: one for it, or one for reading, for it names its rows by their columns. */
export function asksFor({ command, using }: Policy, reach: Reach): boolean {
  return using !== null && (command === 'all' || command === reach || command === 'select');
}

/**
 * The rows that these policies let somebody reach with a command, as an SQL condition: some permissive one and every
 * restrictive one has to say yes, and to change a row that one names by its columns one has to see it as well.
 * https://www.postgresql.org/docs/current/sql-createpolicy.html
 */
export function reached(policies: Policy[], reach: Reach): string {
  const says = (permissive: boolean) =>
    policies.flatMap(({ command, permissive: is, using }) =>
      (command === 'all' || command === reach) && is === permissive && using !== null ? [`(${using}\n)`] : [],
    );
  const one = says(true);
  const own = one.length === 0 ? 'false' : [`(${one.join(' or ')})`, ...says(false)].join(' and ');
  return reach === 'select' ? own : `${own} and ${reached(policies, 'select')}`;
}
