-- Statements that have become slow since the baseline
-- Over a second on average, or over 100 ms in 20 calls or more; and more than twice what they took before, or not known
-- before. By normalised text and user; counters that were reset meanwhile count from zero. Where they cannot be read, the
-- count is NULL: nobody can tell.
with since as (
  select role, query, calls - coalesce(before_calls, 0) as calls,
         (total_ms - coalesce(before_ms, 0)) / nullif(calls - coalesce(before_calls, 0), 0) as mean_ms,
         mean_before_ms
  from (
    select now.role, now.query, now.calls, now.total_ms, before.total_ms / nullif(before.calls, 0) as mean_before_ms,
           case when now.calls >= before.calls and now.total_ms >= before.total_ms then before.calls end as before_calls,
           case when now.calls >= before.calls and now.total_ms >= before.total_ms then before.total_ms end as before_ms
    from middlewatch.statements() as now left join middlewatch.statement as before using (role, query)
  ) as counted
),
slow as (
  select format('%s ms (before: %s) in %s calls by %s: %s', round(mean_ms, 2), coalesce(round(mean_before_ms, 2)::text, 'none'),
                calls, role, query) as statement, mean_ms
  from since
  where (mean_ms > 1000 and (mean_ms > 2 * mean_before_ms or mean_before_ms is null))
     or (calls >= 20 and mean_ms > 100 and mean_ms > 2 * mean_before_ms)
  order by mean_ms desc
  limit 20
),
unknown as (
  select middlewatch.why_no_statements() as why
)
select case when why is null then (select count(*) from slow) end as slow_statements,
       coalesce(statement, 'cannot tell: ' || why) as statement
from unknown left join slow on why is null
order by mean_ms desc;
