import { ask, type Queryable, type Table } from './ask.ts';

/** Who keeps a server process waiting for a lock, oldest transaction first. Empty when nobody does. */
export function blockers(on: Queryable, pid: number): Promise<Table> {
  return ask(
    on,
    `select pid, usename as "user", application_name as application, coalesce(state, 'cannot tell') as state,
            date_trunc('second', xact_start) as since, left(query, 200) as query
       from pg_catalog.pg_stat_activity
      where pid = any (pg_catalog.pg_blocking_pids($1))
      order by xact_start`,
    [pid],
  );
}
