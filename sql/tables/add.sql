-- The column of one table, and the triggers that look after it: one short transaction, before the backfill. Triggers run
-- in the order of their names, so these come after the table's own and see what those leave.
-- psql: -v schema=public -v name=clients -v owner=org_id
alter table :"schema".:"name" add column tenant_id uuid;

create trigger zzz_tenant_1_guard_new before insert on :"schema".:"name"
  for each row when (new.tenant_id is not null)
  execute function public.guard_tenant_id(:'owner');

create trigger zzz_tenant_1_guard before update on :"schema".:"name"
  for each row when (
    new.tenant_id is not null and new.tenant_id is distinct from old.tenant_id
    and row_security_active(coalesce(pg_partition_root(old.tableoid), old.tableoid))
  )
  execute function public.guard_tenant_id(:'owner');

create trigger zzz_tenant_1_guard_owner before update on :"schema".:"name"
  for each row when (
    new.:"owner" is distinct from old.:"owner"
    and row_security_active(coalesce(pg_partition_root(old.tableoid), old.tableoid))
  )
  execute function public.guard_row_owner(:'owner');

create trigger zzz_tenant_2_fill_new before insert on :"schema".:"name"
  for each row when (new.tenant_id is null)
  execute function public.fill_tenant_id(:'owner');

create trigger zzz_tenant_2_fill before update on :"schema".:"name"
  for each row when (
    new.tenant_id is null
    or (new.:"owner" is distinct from old.:"owner" and new.tenant_id is not distinct from old.tenant_id)
  )
  execute function public.fill_tenant_id(:'owner');

create trigger zzz_tenant_9_backfill before update on :"schema".:"name"
  for each row when (
    current_setting('middlewatch.backfill', true) = 'on'
    and (session_user = current_user or pg_has_role(session_user, current_user, 'member'))
  )
  execute function public.keep_row_in_backfill();

-- Whoever owns the table makes partitions of it, with these triggers on them.
select set_config('middlewatch.relation', format('%I.%I', :'schema'::text, :'name'::text), true);

do $$
-- locks: nothing
begin
  execute format(
    'grant execute on function public.fill_tenant_id(), public.guard_tenant_id(), public.guard_row_owner(),
       public.keep_row_in_backfill() to %s',
    (select relowner::regrole from pg_class where oid = current_setting('middlewatch.relation')::regclass)
  );
end
$$;
