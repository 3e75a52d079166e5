import { ask, type Queryable, type Table } from './ask.ts';

/** When the server was started, as it tells it: another moment, another start. */
export async function serverStart(on: Queryable): Promise<string> {
  const { rows } = await on.query<{ at: string }>('select pg_catalog.pg_postmaster_start_time()::text as at');
  return rows[0]?.at ?? '';
}

/**
 * Sessions whose last statement has ended others, newest first, but for our own. The server does not tell who ended which,
 * and shows a role without pg_read_all_stats no statements of others.
 */
export function enders(on: Queryable): Promise<Table> {
  return ask(
    on,
    `select pid::text, usename as "user", application_name as application, coalesce(host(client_addr), 'local') as "from",
            date_trunc('second', query_start)::text as at, left(query, 200) as query
       from pg_catalog.pg_stat_activity
      where query ~* 'pg_terminate_backend' and pid <> pg_backend_pid() and application_name !~ '^middlewatch '
      order by query_start desc limit 5`,
  );
}
