-- Why this table cannot be migrated by the steps as they are. No rows: it can.
-- psql: -v schema=public -v name=clients -v owner=org_id
with wanted as (
  select to_regclass(format('%I.%I', :'schema'::text, :'name'::text)) as oid
),
needs (met, problem) as (
  select wanted.oid is not null, 'there is no such table'
  from wanted
  union all
  select class.relkind = 'r',
         case class.relkind when 'p' then 'it is partitioned: name its partitions instead' else 'it is not a table' end
  from wanted join pg_class as class using (oid)
  union all
  select pg_has_role(class.relowner, 'usage'),
         format('it belongs to %s: only its owner may alter it', class.relowner::regrole)
  from wanted join pg_class as class using (oid)
  union all
  select class.relrowsecurity, 'its row level security is off: policies would hold nobody back'
  from wanted join pg_class as class using (oid)
  union all
  select exists (
           select from pg_attribute as attribute
           where attribute.attrelid = wanted.oid and attribute.attname = :'owner'::text
             and attribute.atttypid = 'uuid'::regtype and not attribute.attisdropped
         ),
         format('it has no column %I of type uuid', :'owner'::text)
  from wanted where wanted.oid is not null
  union all
  select false, 'it has a column tenant_id already'
  from wanted join pg_attribute as attribute on attribute.attrelid = wanted.oid
  where attribute.attname = 'tenant_id' and not attribute.attisdropped
  union all
  select false, format('its trigger %I comes, by name, after the one that keeps a row as it is in the backfill', tgname)
  from wanted join pg_trigger on tgrelid = wanted.oid
  where not tgisinternal and tgenabled not in ('D', 'R')
    and tgtype & 1 > 0 and tgtype & 2 > 0 and tgtype & 16 > 0
    and tgname > 'zzz_tenant_9_backfill' collate "C"
)
select format('%I.%I', :'schema'::text, :'name'::text) as "table", problem from needs where met is not true;
