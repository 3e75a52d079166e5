-- The tenant in a profile decides what its owner may see, and users may update their own profile: so nobody who is subject
-- to row level security sets it. A trigger, because taking back the right on one column changes nothing under a grant on
-- the whole table. The service role, and functions that run with their owner's rights, set it freely.
create function public.protect_profile_tenant() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
  as $$
begin
  if row_security_active(tg_relid) then
    raise insufficient_privilege using message = 'The tenant of a profile is not for users to set.';
  end if;
  return new;
end
$$;

revoke all on function public.protect_profile_tenant() from public, anon, authenticated;

create trigger zzz_tenant_1_protect_new before insert on public.profiles
  for each row when (new.tenant_id is not null)
  execute function public.protect_profile_tenant();

create trigger zzz_tenant_1_protect before update on public.profiles
  for each row when (new.tenant_id is distinct from old.tenant_id)
  execute function public.protect_profile_tenant();
