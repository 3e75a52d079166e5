import type { Queryable } from './ask.ts';
import type { Policy } from './policy.ts';

/** What row-level security holds rows back from. INSERT is not among them: there is no row yet. */
export const REACHES = ['select', 'update', 'delete'] as const;
export type Reach = (typeof REACHES)[number];

/** A role and every role whose rights it has: those whose policies are for it. */
export async function rightsOf(client: Queryable, role: string): Promise<Set<string>> {
  const { rows } = await client.query<{ rolname: string }>(
    "select rolname from pg_roles where pg_has_role($1::name, oid, 'usage')",
    [role],
  );
  return new Set(rows.map(({ rolname }) => rolname));
}

/**
 * The rows that these policies let somebody reach with a command, as an SQL condition: some permissive one and every
 * restrictive one has to say yes, and to change a row that one names by its columns one has to see it as well.
 * https://www.postgresql.org/docs/current/sql-createpolicy.html
 */
export function reached(policies: Policy[], reach: Reach, rights: ReadonlySet<string>): string {
  const held = policies.filter(
    ({ command, roles }) =>
      (command === 'all' || command === reach) && roles.some((role) => role === null || rights.has(role)),
  );
  const says = (permissive: boolean) =>
    held.flatMap(({ permissive: is, using }) => (is === permissive && using !== null ? [`(${using}\n)`] : []));
  const one = says(true);
  const own = one.length === 0 ? 'false' : [`(${one.join(' or ')})`, ...says(false)].join(' and ');
  return reach === 'select' ? own : `${own} and ${reached(policies, 'select', rights)}`;
}
