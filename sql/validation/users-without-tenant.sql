-- Profiles without a tenant, or with an id that is no tenant's, or whose owner has none.
select count(*) as users_without_tenant
from public.profiles as profile
where not exists (select from public.tenants as tenant where tenant.id = profile.tenant_id)
   or not exists (select from public.tenants as tenant where tenant.owner_id = profile.id);
