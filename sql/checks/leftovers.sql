-- What an earlier attempt left behind: columns without their foreign key, say, where ids of dropped tenants survive and
-- every check for NULL passes. No rows: a clean start. What is listed is cleared by that attempt's own rollback, or by hand.
select 'table' as kind, to_regclass('public.tenants')::text as name where to_regclass('public.tenants') is not null
union all
select 'column', format('%s.tenant_id', attribute.attrelid::regclass)
from pg_attribute as attribute
join pg_class as class on class.oid = attribute.attrelid
where attribute.attname = 'tenant_id' and not attribute.attisdropped
  and class.relkind in ('r', 'p') and class.relnamespace = 'public'::regnamespace
union all
select 'function', oid::regprocedure::text
from pg_proc
where pronamespace = 'public'::regnamespace
  and proname in ('current_tenant_id', 'fill_tenant_id', 'guard_tenant_id', 'protect_profile_tenant',
                  'give_profile_a_tenant', 'keep_row_in_backfill')
union all
select 'trigger', format('%I on %s', tgname, tgrelid::regclass)
from pg_trigger
where tgname like 'zzz\_tenant\_%'
union all
select 'index', format('%s%s', indexrelid::regclass, case when indisvalid then '' else ' (invalid)' end)
from pg_index
join pg_class on pg_class.oid = indexrelid
where pg_class.relname like 'idx\_%\_tenant'
union all
select 'policy', format('%I on %I.%I', policyname, schemaname, tablename)
from pg_policies
where policyname like 'Users and their tenant can %';
