import { ask, type Queryable, type Table } from './ask.ts';

/**
 * Who keeps a server process waiting for a lock, oldest transaction first: sessions, and prepared transactions, which no
 * session has any more. Empty when nobody does.
 */
export function blockers(on: Queryable, pid: number): Promise<Table> {
  return ask(
    on,
    `with blocking as materialized (select pg_catalog.pg_blocking_pids($1) as pids)
     select pid::text, usename as "user", application_name as application, coalesce(state, 'cannot tell') as state,
            date_trunc('second', xact_start) as since, left(query, 200) as query
       from pg_catalog.pg_stat_activity, blocking
      where pid = any (pids)
     union all
     select 'none', owner, gid, 'prepared transaction', date_trunc('second', prepared),
            'ends with COMMIT PREPARED or ROLLBACK PREPARED of that name'
       from pg_catalog.pg_prepared_xacts as prepared, blocking
      where 0 = any (pids) and database = current_database()
        and exists (select from pg_catalog.pg_locks as own
                      join pg_catalog.pg_locks as held on held.virtualtransaction = own.virtualtransaction
                      join pg_catalog.pg_locks as wanted on wanted.relation = held.relation
                     where own.transactionid = prepared.transaction and own.pid is null and held.granted
                       and wanted.pid = $1 and not wanted.granted)
      order by since`,
    [pid],
  );
}
