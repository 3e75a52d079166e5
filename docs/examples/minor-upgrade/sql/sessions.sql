-- Everybody else who is connected.
select pid, usename, application_name, state, date_trunc('second', now() - state_change) as since
from pg_stat_activity
where backend_type = 'client backend' and pid <> pg_backend_pid()
  and application_name not like 'middlewatch%'
order by state_change;
