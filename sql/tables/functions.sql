-- Nothing that an application writes is without its tenant from here on, old clients included, who know nothing of the
-- column. pg_temp stands last in each search_path: left out it would come first, and users can put types of their own there.

-- A row without a tenant gets that of its owner's profile; when the owner changes, the tenant follows. An owner who has no
-- profile, or none at all, leaves the tenant as it is. The trigger's argument names the owner's column, which is asked for by
-- name: the row as a whole need not be one that JSON can hold (a json column may have \u0000 in it).
create function public.fill_tenant_id() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
  as $$
declare
  row_owner uuid;
  owners_tenant uuid;
begin
  execute format('select ($1).%I', tg_argv[0]) into row_owner using new;
  select profile.tenant_id into owners_tenant from public.profiles as profile where profile.id = row_owner;

  new.tenant_id := coalesce(owners_tenant, new.tenant_id);
  return new;
end
$$;

-- Whether somebody is in the tenant of whoever asks. Reads profiles with its owner's rights, for there the caller may see few,
-- and tells nothing that colleagues do not see.
create function public.is_in_my_tenant(uuid) returns boolean
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  as $$
begin
  return exists (
    select from public.profiles as profile where profile.id = $1 and profile.tenant_id = public.current_tenant_id()
  );
end
$$;

-- Whoever is subject to row level security writes no tenant but their own. The new policies demand the same; this holds
-- already before they are there. And who names a tenant names an owner within it, or none: under a stranger's name the row
-- would turn up among the stranger's. Of a partitioned table it is the whole whose row level security counts. The trigger's
-- argument names the owner's column.
create function public.guard_tenant_id() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
  as $$
declare
  row_owner uuid;
begin
  if not row_security_active(coalesce(pg_partition_root(tg_relid), tg_relid)) then
    return new;
  end if;
  if new.tenant_id is distinct from public.current_tenant_id() then
    raise insufficient_privilege using message = 'A row can be put into one''s own tenant only.';
  end if;
  execute format('select ($1).%I', tg_argv[0]) into row_owner using new;
  if row_owner is not null and not public.is_in_my_tenant(row_owner) then
    raise insufficient_privilege using message = 'The owner of a row must be a member of its tenant.';
  end if;
  return new;
end
$$;

-- In their own tenant nobody makes a row that of a person who is in none: it would keep the tenant, and turn up among that
-- person's rows. Where a person has a tenant, the row's follows, and the policies decide. Reads profiles with its owner's
-- rights, for there the caller may see few. The trigger's argument names the owner's column.
create function public.guard_row_owner() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
  as $$
declare
  row_owner uuid;
begin
  execute format('select ($1).%I', tg_argv[0]) into row_owner using new;
  if row_owner is not null and new.tenant_id = public.current_tenant_id() and not exists (
    select from public.profiles as profile where profile.id = row_owner and profile.tenant_id is not null
  ) then
    raise insufficient_privilege using message = 'The owner of a row must be a member of its tenant.';
  end if;
  return new;
end
$$;

revoke all on function public.fill_tenant_id(), public.guard_tenant_id(), public.guard_row_owner() from public, anon, authenticated;
grant execute on function public.is_in_my_tenant(uuid) to public;
