-- Why this table cannot be migrated by the steps as they are. No rows: it can.
-- psql: -v schema=public -v name=clients -v owner=org_id -v key=id
with recursive wanted as (
  select to_regclass(format('%I.%I', :'schema'::text, :'name'::text)) as oid
),
-- Itself, and what it is partitioned into.
part as (
  select class.oid, class.relkind, class.relowner, class.relnamespace, class.relname,
         case when class.oid <> wanted.oid then format('its partition %s: ', class.oid::regclass) end as of
  from wanted join pg_class as class
    on class.oid = wanted.oid or class.oid in (select relid from pg_partition_tree(wanted.oid))
),
-- The types that its columns are made of.
made_of (attname, type) as (
  select attname, atttypid
  from wanted join pg_attribute on attrelid = wanted.oid and attnum > 0 and not attisdropped
  union
  select attname, within.type
  from made_of join pg_type on pg_type.oid = made_of.type
  cross join lateral (
    select typelem union all select typbasetype union all
    select atttypid from pg_attribute where attrelid = typrelid and attnum > 0 and not attisdropped
  ) as within (type)
  where within.type <> 0
),
needs (met, problem) as (
  select wanted.oid is not null, 'there is no such table'
  from wanted
  union all
  select class.relkind in ('r', 'p'), 'it is not a table'
  from wanted join pg_class as class using (oid)
  union all
  select class.relkind <> 'p' or wanted.oid <> to_regclass('public.profiles'),
         'it is partitioned, which these steps can do with any table but this'
  from wanted join pg_class as class using (oid)
  union all
  select exists (select from part where relkind <> 'p'),
         'it is partitioned, and has no partition yet: make one, or take it out of the lists'
  from wanted join pg_class as class using (oid)
  union all
  select part.relkind in ('r', 'p'), concat(part.of, 'it is not a table, and has no blocks to go through')
  from part where part.of is not null
  union all
  select false, case when class.relispartition
           then format('it is a partition of %s, and cannot have a column of its own', inhparent::regclass)
           else format('it shares its rows with %s, by inheritance', case inhparent when wanted.oid then inhrelid else inhparent end::regclass)
         end
  from wanted join pg_inherits on wanted.oid in (inhrelid, inhparent) join pg_class as class on class.oid = wanted.oid
  where class.relkind = 'r' or class.relkind = 'p' and wanted.oid = inhrelid
  union all
  select class.reloftype = 0, format('it is made of the type %s, and takes no other column: ALTER TABLE ... NOT OF', class.reloftype::regtype)
  from wanted join pg_class as class using (oid)
  union all
  select false, concat(part.of, format('the subscription %s writes to it, for which no trigger fires: its rows would have no tenant', subname))
  from part join pg_subscription_rel on srrelid = part.oid join pg_subscription on pg_subscription.oid = srsubid
  union all
  -- A column of its own number stands for the row as a whole.
  select false, concat(part.of, format('its index %s is made of whole rows, and would not find them with a column more: take it away', indexrelid::regclass))
  from part join pg_index on indrelid = part.oid
  where concat(indexprs, indpred) ~ ':varattno 0 '
  union all
  select false, concat(part.of, format('its constraint %I asks of whole rows, which have a column more then: take it away', conname))
  from part join pg_constraint on conrelid = part.oid
  where conbin::text ~ ':varattno 0 '
  union all
  -- Those that were dropped count.
  select max(attnum) < 1600, 'it has had 1,600 columns, and takes no more: make it anew'
  from wanted join pg_attribute on attrelid = wanted.oid
  having count(*) > 0
  union all
  select false, 'users may read some columns of it and not all, and so none that is to come: no step can look at its rows as they do'
  from wanted join pg_roles on rolname = 'authenticated'
  where has_any_column_privilege(rolname, wanted.oid, 'select') and not has_table_privilege(rolname, wanted.oid, 'select')
  union all
  -- Which of them a row breaks nobody has looked at before; one that is not enforced (from PostgreSQL 18 on) refuses nothing.
  select found = 0,
         concat(part.of, format('%s rows break its constraint %I, which is NOT VALID, and cannot be updated as they are: mend them, or drop it',
                                found, conname))
  from part
  join pg_constraint as held on conrelid = part.oid and contype in ('c', 'n') and not convalidated
    and coalesce((to_jsonb(held) ->> 'conenforced')::boolean, true)
  cross join lateral (
    select (xpath('/row/n/text()', query_to_xml(
      format('select count(*) as n from only %s where (%s) is false', part.oid::regclass, coalesce(
        pg_get_expr(conbin, conrelid),
        (select format('%I is not null', attname) from pg_attribute where attrelid = conrelid and attnum = conkey[1]))),
      false, true, '')))[1]::text::bigint as found
  ) as broken
  where part.relkind = 'r'
  union all
  select pg_has_role(part.relowner, 'usage'),
         concat(part.of, format('it belongs to %s: only its owner may alter it', part.relowner::regrole))
  from part
  union all
  select has_schema_privilege(part.relnamespace, 'create'),
         concat(part.of, format('this role may not CREATE in its schema %s, where its index goes', part.relnamespace::regnamespace))
  from part
  union all
  select octet_length(part.relname) <= 52, concat(part.of, 'its name is too long for that of its index, idx_..._tenant')
  from part
  union all
  select false, concat(part.of, format('the name of its index, %I, is taken in its schema: give what has it another', taken.relname))
  from part join pg_class as taken
    on taken.relnamespace = part.relnamespace and taken.relname = format('idx_%s_tenant', part.relname)
  union all
  select false, concat(part.of, format('it has a constraint %I already, which is to be that of tenant_id: give it another name', conname))
  from part join pg_constraint on conrelid = part.oid and conname = 'tenant_id_fkey'
  union all
  select false, format('its column %I holds whole rows of %s: with one column more there, they are not as they were', attname, class.oid::regclass)
  from made_of join pg_class as class on class.reltype = made_of.type and class.relkind in ('r', 'p') and class.relrowsecurity
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
  select false, format('its column %I is generated, and not there yet when a trigger fills in the tenant before a row is written', :'owner'::text)
  from wanted join pg_attribute as attribute on attribute.attrelid = wanted.oid
  where attribute.attname = :'owner'::text and attribute.attgenerated <> ''
  union all
  select exists (select from pg_attribute where attrelid = wanted.oid and attname = :'key'::text and not attisdropped),
         format('it has no column %I, the key in the lists', :'key'::text)
  from wanted where wanted.oid is not null
  union all
  select false, 'it has a column tenant_id already'
  from wanted join pg_attribute as attribute on attribute.attrelid = wanted.oid
  where attribute.attname = 'tenant_id' and not attribute.attisdropped
  union all
  select false, concat(part.of, format('its trigger %I comes, by name, after those that give a row its tenant, and keep it as it is in the backfill', tgname))
  from part join pg_trigger on tgrelid = part.oid
  where not tgisinternal and tgenabled not in ('D', 'R') and tgname not like 'zzz\_tenant\_%'
    and tgtype & 1 > 0 and tgtype & 2 > 0
    and (
      tgtype & 16 > 0 and tgname > 'zzz_tenant_9_backfill' collate "C"
      or tgtype & 4 > 0 and tgname > 'zzz_tenant_2_fill_new' collate "C"
    )
)
select format('%I.%I', :'schema'::text, :'name'::text) as "table", problem from needs where met is not true;
