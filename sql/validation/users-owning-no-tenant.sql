select count(*) as users_without_tenant
from public.profiles as profile
where not exists (select from public.tenants as tenant where tenant.owner_id = profile.id);
