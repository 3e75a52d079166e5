-- Triggers that the backfill's updates would fire
-- psql: -v schema=public -v name=clients
select case when tgrelid = here.oid then tgname::text else format('%s of %s', tgname, tgrelid::regclass) end as trigger,
       case when tgtype & 2 > 0 then 'before' else 'after' end as fires,
       tgfoid::regprocedure::text as runs,
       case when tgenabled = 'D' then 'none: it is disabled, and stays so; whoever disabled it may still be at it'
            when tgtype & 2 > 0 then 'what it changes in the row will not stick'
            else 'what it writes or sends happens, once for each row or batch' end as consequence
from (select format('%I.%I', :'schema'::text, :'name'::text)::regclass as oid) as here
join pg_trigger
  on tgrelid = here.oid or tgparentid = 0 and tgrelid in (select relid from pg_partition_tree(here.oid))
where not tgisinternal and tgenabled <> 'R'
  and tgtype & 16 > 0 and tgattr = ''
  and tgname not like 'zzz\_tenant\_%' and tgname not like 'middlewatch%'
order by tgtype & 2 = 0, 1;
