import type { Queryable } from './ask.ts';
import { DatabaseTrouble } from './errors.ts';

/** Columns by which tables of the program's own schema, and of the flagship's SQL, are told from others of those names. */
const OURS = {
  fence: 'token',
  ledger: 'part',
  cursor: 'lane',
  snapshot: 'body',
  touched: 'watch',
  revoked: 'relation',
  leftover: 'kept',
  statement: 'total_ms',
  sample: 'key',
  recorded: 'version',
};

/**
 * Looks whether a schema `middlewatch` that is there is the program's own: with tables of its own, whatever else, and not in the hands of a role
 * that could change what a rollback relies on.
 * @throws DatabaseTrouble when it is not
 */
export async function mustBeOurs(on: Queryable): Promise<void> {
  const { rows } = await on.query<{ owner: string | null; odd: string | null }>(
    `select (select min(owner::regrole::text)
               from (select nspowner union all select relowner from pg_class where relnamespace = n.oid) as each (owner)
               join pg_roles on pg_roles.oid = owner
              where not rolsuper and owner <> quote_ident(current_user)::regrole) as owner,
            (select string_agg(relname, ', ' order by relname)
               from pg_class c left join jsonb_each_text($1) as ours (name, col) on name = relname
              where relnamespace = n.oid and relkind in ('r', 'p', 'v', 'm')
                and case when name is not null
                      then not exists (select from pg_attribute where attrelid = c.oid and attname = col)
                      else not exists (select from pg_class join jsonb_object_keys($1) as known on known = relname
                                        where relnamespace = n.oid) end) as odd
       from pg_namespace n where nspname = 'middlewatch'`,
    [JSON.stringify(OURS)],
  );
  const [found] = rows;
  if (found === undefined) return;
  if (found.odd !== null) {
    throw new DatabaseTrouble(
      `There is a schema middlewatch that is not this program's (${found.odd}).`,
      'Give it another name (ALTER SCHEMA middlewatch RENAME TO …): the program keeps there what it has to know.',
    );
  }
  if (found.owner !== null) {
    throw new DatabaseTrouble(
      `The schema middlewatch, or something in it, belongs to ${found.owner}, who could change what a rollback relies on.`,
      'Take it over (ALTER SCHEMA middlewatch OWNER TO CURRENT_USER, and its tables), or drop it when no run needs it any more.',
    );
  }
}
