-- BEFORE triggers that come after the backfill's, by name, and would change the row again. No rows: ours has the last word.
-- psql: -v schema=public -v name=clients
select tgname as trigger, tgfoid::regprocedure::text as runs
from pg_trigger
where tgrelid = format('%I.%I', :'schema'::text, :'name'::text)::regclass
  and not tgisinternal and tgenabled not in ('D', 'R')
  and tgtype & 1 > 0 and tgtype & 2 > 0 and tgtype & 16 > 0
  and tgname > 'zzz_tenant_9_backfill' collate "C";
