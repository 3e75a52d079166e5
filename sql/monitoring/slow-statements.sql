-- Statements that have taken too long, or too much longer than before, since the baseline
-- Over a second on average; or over twice the baseline's average and 100 ms, in 20 calls or more. By normalised text and
-- user. The view is asked by way of XML, because where the extension is, or whether, is not known beforehand; where it
-- cannot be read, the count is NULL: nobody can tell.
with view as (
  select format('%I.pg_stat_statements', nspname) as name
  from pg_extension join pg_namespace on pg_namespace.oid = extnamespace
  where extname = 'pg_stat_statements' and pg_has_role('pg_read_all_stats', 'usage')
),
now_there as (
  select statement.*
  from view,
       xmltable('/table/row' passing query_to_xml(format($query$
         select userid::regrole::text as role, regexp_replace(lower(query), '[[:space:][:cntrl:]]+', ' ', 'g') as query,
                sum(calls) as calls, sum(total_exec_time) as total_ms
         from %s
         where dbid = (select oid from pg_database where datname = current_database())
           and userid <> current_user::regrole and query is not null
         group by 1, 2
       $query$, view.name), false, false, '')
       columns role text, query text, calls numeric, total_ms numeric) as statement
),
since as (
  select role, query,
         now_there.calls - coalesce(before.calls, 0) as calls,
         (now_there.total_ms - coalesce(before.total_ms, 0)) / nullif(now_there.calls - coalesce(before.calls, 0), 0) as mean_ms,
         before.total_ms / nullif(before.calls, 0) as mean_before_ms
  from now_there left join middlewatch.statement as before using (role, query)
  where now_there.calls >= coalesce(before.calls, 0)
),
slow as (
  select format('%s ms (before: %s) in %s calls by %s: %s', round(mean_ms, 2), coalesce(round(mean_before_ms, 2)::text, 'none'),
                calls, role, query) as statement, mean_ms
  from since
  where mean_ms > 1000
     or (calls >= 20 and mean_ms > 100 and mean_ms > 2 * mean_before_ms)
  order by mean_ms desc
  limit 20
)
select case when exists (select from view) then (select count(*) from slow) end as slow_statements,
       case when exists (select from view) then (select string_agg(statement, '; ' order by mean_ms desc) from slow)
            else 'cannot tell: pg_stat_statements is not installed, or this role may not read it' end as statements;
