-- What is left of an earlier attempt
-- Columns without their foreign key, say, where ids of dropped tenants survive and every check for NULL passes. What
-- belongs to no table in particular is told with profiles. No rows: a clean start.
-- psql: -v schema=public -v name=clients
with here as (
  select to_regclass(format('%I.%I', :'schema'::text, :'name'::text)) as oid
)
select 'column' as kind, attribute.attname::text as name,
       format('%s rows filled', (xpath('/row/n/text()', query_to_xml(
         format('select count(tenant_id) as n from %s', here.oid), false, true, '')))[1]) as state
from here join pg_attribute as attribute on attribute.attrelid = here.oid
where attribute.attname = 'tenant_id' and not attribute.attisdropped and attribute.atttypid = 'uuid'::regtype
union all
-- Renters are tenants, too.
select 'in the way', 'column tenant_id of type ' || format_type(attribute.atttypid, attribute.atttypmod),
       'no attempt of this migration made it, so clear stops at it: give it another name, or take the table out of the lists'
from here join pg_attribute as attribute on attribute.attrelid = here.oid
where attribute.attname = 'tenant_id' and not attribute.attisdropped and attribute.atttypid <> 'uuid'::regtype
union all
select 'trigger', tgname, ''
from here join pg_trigger on tgrelid = here.oid
where tgname ~ '^(zzz_tenant_\d_|!tenant_sign_up)'
union all
select 'index', class.relname, case when not tenants then 'of other columns: give it another name' when indisvalid then '' else 'invalid' end
from here join pg_index on indrelid = here.oid join pg_class as class on class.oid = indexrelid
cross join lateral (
  select exists (
    select from pg_depend join pg_attribute on attrelid = refobjid and attnum = refobjsubid
    where classid = 'pg_class'::regclass and objid = indexrelid and refobjid = indrelid and attname = 'tenant_id')
) as use (tenants)
where tenants or class.relname = format('idx_%s_tenant', :'name'::text)
union all
select 'statistics', stxname, ''
from here join pg_statistic_ext on stxrelid = here.oid
join pg_attribute on attrelid = stxrelid and attname = 'tenant_id' and attnum = any (stxkeys)
union all
select 'in the way', format('policy %s', polname), 'clear leaves it, for nobody here knows the one it replaced: drop it by hand, or give it another name'
from here join pg_policy on polrelid = here.oid
where polname like 'Users and their tenant can %'
union all
select distinct 'in the way', pg_describe_object(classid, objid, 0), 'needs tenant_id, so clear stops at it: drop it by hand, or put back what was there before it'
from here
join pg_attribute as attribute on attribute.attrelid = here.oid and attribute.attname = 'tenant_id'
join pg_depend on refclassid = 'pg_class'::regclass and refobjid = here.oid and refobjsubid = attribute.attnum
where deptype = 'n' and not attribute.attisdropped
union all
select 'table', 'public.tenants', ''
from here
where here.oid = 'public.profiles'::regclass and to_regclass('public.tenants') is not null
union all
select 'function', signature, ''
from here cross join unnest(array[
  'current_tenant_id()', 'is_in_my_tenant(uuid)', 'fill_tenant_id()', 'guard_tenant_id()', 'guard_row_owner()',
  'protect_profile_tenant()', 'give_profile_a_tenant()', 'keep_row_in_backfill()'
]) as made (signature)
where here.oid = 'public.profiles'::regclass and to_regprocedure('public.' || signature) is not null;
