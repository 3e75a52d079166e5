drop function if exists public.guard_row_owner();
drop function if exists public.guard_tenant_id();
drop function if exists public.is_in_my_tenant(uuid);
drop function if exists public.fill_tenant_id();
