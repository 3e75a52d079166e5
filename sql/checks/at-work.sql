-- What is under way on a table, or set for it, that our steps would meet
-- psql: -v schema=public -v name=clients
with here as (
  select to_regclass(format('%I.%I', :'schema'::text, :'name'::text)) as oid
  union
  select relid from pg_partition_tree(to_regclass(format('%I.%I', :'schema'::text, :'name'::text)))
),
work (pid, relid, what) as (
  select pid, relid, 'VACUUM, ' || phase from pg_stat_progress_vacuum where datname = current_database()
  union all
  select pid, relid, format('%s, %s', command, phase) from pg_stat_progress_create_index where datname = current_database()
  union all
  select pid, relid, format('%s, %s', command, phase) from pg_stat_progress_cluster where datname = current_database()
)
select 'at work' as problem, format('%s (%s)', what, pid) as found,
       'wait for it or end it: it and our changes of the table keep each other waiting' as "what to do"
from work
where relid in (select oid from here)
union all
select 'cannot tell', format('what %s is doing is hidden from %s', pid, current_user), 'grant it pg_monitor'
from work
where relid is null
union all
select 'autovacuum is off for it', option, 'ALTER TABLE ... RESET (autovacuum_enabled): every row gets a new version'
from here join pg_class using (oid), unnest(reloptions) as option
where option ~* '^autovacuum_enabled=(false|off|no|0|f)'
union all
select 'a vacuum that does not give way is near',
       format('its oldest transaction id is %s old, of %s', age(relfrozenxid), current_setting('autovacuum_freeze_max_age')),
       'VACUUM (FREEZE) it first: that vacuum would come in mid-window, and our locks would wait for it'
from here join pg_class using (oid)
where relkind = 'r' and age(relfrozenxid) > 0.9 * current_setting('autovacuum_freeze_max_age')::bigint
union all
select 'a foreign key that is not kept', format('the triggers of %s are off', conname),
       'find out who turned them off (DISABLE TRIGGER ALL), and whether they are still at it'
from here join pg_trigger on tgrelid = here.oid join pg_constraint as held on held.oid = tgconstraint
where tgisinternal and tgenabled = 'D'
group by conname;
