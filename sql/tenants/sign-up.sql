-- People who sign up from now on get their tenant with their profile. After the insert, because the tenant refers to it. The
-- update says of itself what the backfill's do, for triggers that let those pass.
-- psql: -v label=name
create function public.give_profile_a_tenant() returns trigger
  language plpgsql security definer set search_path = ''
  as $$
declare
  label text;
  said text := coalesce(current_setting('middlewatch.backfill', true), '');
begin
  execute format('select ($1).%I::text', tg_argv[0]) into label using new;
  insert into public.tenants (name, owner_id)
  values (coalesce(label || '''s Organization', 'Organization'), new.id)
  on conflict (owner_id) do nothing;

  perform set_config('middlewatch.backfill', 'on', true);
  update public.profiles
  set tenant_id = (select id from public.tenants where owner_id = new.id)
  where id = new.id;
  perform set_config('middlewatch.backfill', said, true);

  return null;
end
$$;

revoke all on function public.give_profile_a_tenant() from public, anon, authenticated;

create trigger zzz_tenant_2_sign_up after insert on public.profiles
  for each row when (new.tenant_id is null)
  execute function public.give_profile_a_tenant(:'label');
