-- Why this table cannot be migrated by the steps as they are. No rows: it can.
-- psql: -v schema=public -v name=clients -v owner=org_id -v key=id
with wanted as (
  select to_regclass(format('%I.%I', :'schema'::text, :'name'::text)) as oid
),
needs (met, problem) as (
  select wanted.oid is not null, 'there is no such table'
  from wanted
  union all
  select class.relkind = 'r',
         case class.relkind
           when 'p' then 'it is partitioned: what these steps do cannot be done to a table of many parts; take it out of the lists'
           else 'it is not a table'
         end
  from wanted join pg_class as class using (oid)
  union all
  select false, case when class.relispartition
           then format('it is a partition of %s, and cannot have a column of its own', inhparent::regclass)
           else format('it shares its rows with %s, by inheritance', case inhparent when wanted.oid then inhrelid else inhparent end::regclass)
         end
  from wanted join pg_inherits on wanted.oid in (inhrelid, inhparent) join pg_class as class on class.oid = wanted.oid
  where class.relkind = 'r'
  union all
  select pg_has_role(class.relowner, 'usage'),
         format('it belongs to %s: only its owner may alter it', class.relowner::regrole)
  from wanted join pg_class as class using (oid)
  union all
  select has_schema_privilege(class.relnamespace, 'create'),
         format('this role may not CREATE in its schema %s, where its index goes', class.relnamespace::regnamespace)
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
  select exists (select from pg_attribute where attrelid = wanted.oid and attname = :'key'::text and not attisdropped),
         format('it has no column %I, the key in the lists', :'key'::text)
  from wanted where wanted.oid is not null
  union all
  select false, 'it has a column tenant_id already'
  from wanted join pg_attribute as attribute on attribute.attrelid = wanted.oid
  where attribute.attname = 'tenant_id' and not attribute.attisdropped
  union all
  select false, format('its trigger %I comes, by name, after the one that keeps a row as it is in the backfill', tgname)
  from wanted join pg_trigger on tgrelid = wanted.oid
  where not tgisinternal and tgenabled not in ('D', 'R') and tgname not like 'zzz\_tenant\_%'
    and tgtype & 1 > 0 and tgtype & 2 > 0 and tgtype & 16 > 0
    and tgname > 'zzz_tenant_9_backfill' collate "C"
)
select format('%I.%I', :'schema'::text, :'name'::text) as "table", problem from needs where met is not true;
