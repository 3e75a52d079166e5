-- Takes back everything the files beside this one made, in the order of what needs what. Without CASCADE: if something
-- else has come to depend on the tenants, this fails and says what, instead of dropping it silently.
drop trigger if exists zzz_tenant_9_backfill on public.profiles;
drop trigger if exists "!tenant_sign_up" on public.profiles;
drop trigger if exists zzz_tenant_1_protect on public.profiles;
drop trigger if exists zzz_tenant_1_protect_new on public.profiles;
drop function if exists public.keep_row_in_backfill();
drop function if exists public.give_profile_a_tenant();
drop function if exists public.protect_profile_tenant();
alter table public.profiles drop column if exists tenant_id;
drop table if exists public.tenants;
drop function if exists public.current_tenant_id();
