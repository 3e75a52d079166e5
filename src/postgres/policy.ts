import { escapeIdentifier, escapeLiteral } from 'pg';
import type { Queryable } from './ask.ts';
import { asItWasRead } from './reread.ts';
import { qualified, type TableName } from './tables.ts';

export interface Policy {
  name: string;
  command: 'all' | 'select' | 'insert' | 'update' | 'delete';
  permissive: boolean;
  /** null stands for everybody (PUBLIC), which the catalog has as no role in particular. */
  roles: (string | null)[];
  using: string | null;
  check: string | null;
  comment: string | null;
  /** Schemas of its operators, besides the server's own: IS DISTINCT FROM and its like are written without. */
  operators: string[];
}

/** Row-level security of one table, whole. */
export interface RowSecurity {
  enabled: boolean;
  forced: boolean;
  policies: Policy[];
}

/**
 * Reads a table's row-level security with every name in its expressions written in full, so that it means the same
 * wherever it is written back (F3). The transaction under way keeps its search_path.
 */
export async function readRowSecurity(client: Queryable, table: TableName): Promise<RowSecurity | undefined> {
  return alongPath(
    client,
    () => '',
    async () => {
      const { rows } = await client.query<RowSecurity>(
        `select relrowsecurity as enabled, relforcerowsecurity as forced,
            coalesce((select jsonb_agg(jsonb_build_object(
                'name', polname,
                'command', case polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
                             when 'd' then 'delete' else 'all' end,
                'permissive', polpermissive,
                'roles', (select jsonb_agg((select rolname from pg_roles where oid = r) order by n)
                            from unnest(polroles) with ordinality as given (r, n)),
                'using', pg_get_expr(polqual, polrelid),
                'check', pg_get_expr(polwithcheck, polrelid),
                'comment', obj_description(p.oid, 'pg_policy'),
                'operators', (select coalesce(jsonb_agg(distinct nspname), '[]')
                                from pg_depend d join pg_operator o on o.oid = refobjid
                                join pg_namespace n on n.oid = oprnamespace
                               where d.classid = 'pg_policy'::regclass and d.objid = p.oid
                                 and refclassid = 'pg_operator'::regclass)) order by polname)
              from pg_policy p where polrelid = c.oid), '[]') as policies
       from pg_class c where c.oid = to_regclass($1)`,
        [qualified(table)],
      );
      return rows[0];
    },
  );
}

/** Does something while names are looked up elsewhere; the transaction under way keeps its search_path. */
async function alongPath<T>(
  client: Queryable,
  elsewhere: (path: string) => string,
  work: () => Promise<T>,
): Promise<T> {
  const { rows } = await client.query<{ path: string }>("select current_setting('search_path') as path");
  const path = rows[0]?.path ?? '';
  const setPath = "select set_config('search_path', $1, true)";
  await client.query(setPath, [elsewhere(path)]);
  const done = await work();
  await client.query(setPath, [path]);
  return done;
}

/** Takes one policy away. */
export async function dropPolicy(client: Queryable, table: TableName, name: string): Promise<void> {
  await client.query(`drop policy ${escapeIdentifier(name)} on ${qualified(table)}`);
}

/** Makes one policy, with its comment. */
export async function createPolicy(client: Queryable, table: TableName, policy: Policy): Promise<void> {
  const first = policy.operators.map((schema) => escapeIdentifier(schema));
  await alongPath(
    client,
    (path) => [...first, ...(path === '' ? [] : [path])].join(', '),
    () => client.query(definition(table, policy)),
  );
  if (policy.comment === null) return;
  await client.query(
    `comment on policy ${escapeIdentifier(policy.name)} on ${qualified(table)} is ${escapeLiteral(policy.comment)}`,
  );
}

/** The same policy, letting through only what an SQL condition is true of as well. */
export function narrowed(policy: Policy, condition: string): Policy {
  // The condition in lines of its own, so that a comment at its end ends there.
  const both = (expression: string | null) =>
    expression === null ? null : `(${expression}) and (\n${condition.trim()}\n)`;
  return { ...policy, using: both(policy.using), check: both(policy.check) };
}

/**
 * Makes a table's row-level security what it was, comments included: these policies go, those come back, and whether it is
 * enabled and forced. Policies that were neither there before nor made by us are somebody else's, and stay.
 * @param made names of the policies that have been made since
 * @param dropped names of the policies of `before` that have been dropped since
 * @returns names of somebody else's
 */
export async function restoreRowSecurity(
  client: Queryable,
  table: TableName,
  before: RowSecurity,
  made: string[],
  dropped: string[],
): Promise<string[]> {
  const name = qualified(table);
  const gone = new Set([...made, ...dropped]);
  const known = new Set(before.policies.map((policy) => policy.name));
  const now = (await readRowSecurity(client, table))?.policies ?? [];
  for (const policy of now) if (gone.has(policy.name)) await dropPolicy(client, table, policy.name);
  for (const policy of before.policies) if (dropped.includes(policy.name)) await bringBack(client, table, policy);
  await client.query(`alter table ${name} ${before.enabled ? 'enable' : 'disable'} row level security`);
  await client.query(`alter table ${name} ${before.forced ? '' : 'no '}force row level security`);
  return now.map((policy) => policy.name).filter((each) => !gone.has(each) && !known.has(each));
}

/** Makes a policy anew so that it is printed as it was: in those words, or in others that come to the same when they are read. */
async function bringBack(client: Queryable, table: TableName, policy: Policy): Promise<void> {
  const said = (expression: string | null) => (expression === null ? null : asItWasRead(expression));
  const otherwise = { ...policy, using: said(policy.using), check: said(policy.check) };
  for (const words of [policy, otherwise]) {
    await client.query('savepoint brought_back');
    const made = await createPolicy(client, table, words).then(
      () => readRowSecurity(client, table),
      () => undefined,
    );
    const now = made?.policies.find(({ name }) => name === policy.name);
    if (now?.using === policy.using && now?.check === policy.check) {
      await client.query('release savepoint brought_back');
      return;
    }
    await client.query('rollback to savepoint brought_back');
  }
  await createPolicy(client, table, policy);
}

/** The statement that makes this policy. */
export function definition(table: TableName, policy: Policy): string {
  const roles = policy.roles.map((role) => (role === null ? 'public' : escapeIdentifier(role)));
  return [
    `create policy ${escapeIdentifier(policy.name)} on ${qualified(table)}`,
    `as ${policy.permissive ? 'permissive' : 'restrictive'} for ${policy.command} to ${roles.join(', ')}`,
    ...(policy.using === null ? [] : [`using (${policy.using})`]),
    ...(policy.check === null ? [] : [`with check (${policy.check})`]),
  ].join(' ');
}
