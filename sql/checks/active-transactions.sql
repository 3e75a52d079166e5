-- Transactions that our locks would wait for, and everybody else behind them
-- Those of others that have been open for more than five seconds (the application's own are over in milliseconds), prepared
-- ones, and vacuums that do not give way. Where this role may not see what others do, it says so: an empty answer would
-- look like none.
select pid::text, usename as role, application_name as application, state,
       date_trunc('second', clock_timestamp() - xact_start)::text as open_for,
       left(regexp_replace(query, '\s+', ' ', 'g'), 100) as query
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
  and application_name not like 'middlewatch%'
  and clock_timestamp() - xact_start > interval '5 seconds'
  and (backend_type = 'client backend' or query like '%to prevent wraparound%')
union all
select 'prepared', owner, gid, 'prepared', date_trunc('second', clock_timestamp() - prepared)::text, ''
from pg_prepared_xacts
where database = current_database()
union all
select '?', current_user, '', 'cannot tell', '',
       format('%s other sessions are hidden from this role: grant it pg_monitor', count(*))
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_type is null
having count(*) > 0;
