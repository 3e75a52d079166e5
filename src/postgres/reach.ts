import type { Queryable } from './ask.ts';
import type { Policy } from './policy.ts';

/** What row-level security holds people back from. For INSERT there is no row yet: it is told of rows like those there are. */
export const REACHES = ['select', 'insert', 'update', 'delete'] as const;
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

/** What a policy for this command says of a row; null when it says nothing. */
export function saysFor({ command, using, check }: Policy, reach: Reach): string | null {
  if (command !== 'all' && command !== reach) return null;
  return reach === 'insert' ? (check ?? using) : using;
}

/**
 * The rows that these policies let somebody reach with a command, as an SQL condition: some permissive one and every
 * restrictive one has to say yes, and to change a row that one names by its columns one has to see it as well.
 * https://www.postgresql.org/docs/current/sql-createpolicy.html
 * @param named what stands for an expression of theirs
 */
export function reached(policies: Policy[], reach: Reach, named: Named): string {
  const own = letAt(policies, reach, named);
  return reach === 'select' || reach === 'insert' ? own : `${own} and ${reached(policies, 'select', named)}`;
}

/** What they say of a command alone, whether or not the rows can be seen, as an SQL condition. @param named as for `reached` */
export const letAt = (policies: Policy[], reach: Reach, named: Named): string =>
  agreed(policies, named, (policy) => saysFor(policy, reach));

/** The rows that they let be written back by an UPDATE as they stand, as an SQL condition. @param named as for `reached` */
export function writtenBack(policies: Policy[], named: Named): string {
  return agreed(policies, named, ({ command, using, check }) =>
    command === 'all' || command === 'update' ? (check ?? using) : null,
  );
}

type Named = (expression: string) => string;

function agreed(policies: Policy[], named: Named, says: (policy: Policy) => string | null): string {
  const said = (permissive: boolean) =>
    policies.flatMap((policy) => (policy.permissive === permissive ? (says(policy) ?? []) : [])).map(named);
  const one = said(true);
  return one.length === 0 ? 'false' : [`(${one.join(' or ')})`, ...said(false)].join(' and ');
}
