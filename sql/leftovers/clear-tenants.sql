-- Takes away the tenants of an earlier attempt and its functions, once nothing refers to them, and keeps the tenants' rows.
create schema if not exists middlewatch;
create table if not exists middlewatch.leftover (of text not null, key text, kept jsonb not null, at timestamptz not null default now());

do $$
-- locks: ACCESS EXCLUSIVE on tenants, the tables its foreign keys refer to
declare
  left_behind regprocedure;
  dependents text;
begin
  if to_regclass('public.tenants') is not null then
    -- Renters are tenants, too: a table of that name that is about something else stays.
    if (select count(*) from pg_attribute join pg_class on pg_class.oid = attrelid
        where attrelid = 'public.tenants'::regclass and relkind = 'r' and attname in ('owner_id', 'name', 'type')) < 3 then
      raise exception 'public.tenants is not what an earlier attempt of this migration made: a table with owner_id, name and type'
        using hint = 'It has to have another name before this migration can make its own.';
    end if;
    lock table public.tenants in access exclusive mode;
    insert into middlewatch.leftover (of, key, kept)
    select 'public.tenants', tenant ->> 'id', tenant
    from (select to_jsonb(tenants.*) from public.tenants) as each (tenant);
    drop table public.tenants;
  end if;
  for left_behind in
    select to_regprocedure('public.' || signature)
    from unnest(array[
      'current_tenant_id()', 'is_in_my_tenant(uuid)', 'fill_tenant_id()', 'guard_tenant_id()', 'guard_row_owner()',
      'protect_profile_tenant()', 'give_profile_a_tenant()', 'keep_row_in_backfill()']) as made (signature)
    where to_regprocedure('public.' || signature) is not null
  loop
    execute format('drop function %s', left_behind);
  end loop;
exception when dependent_objects_still_exist then
  get stacked diagnostics dependents = pg_exception_detail;
  raise exception 'Something depends on what an earlier attempt left: %', dependents
    using hint = 'Drop that, or put back what was there before it, then retry.';
end
$$;
