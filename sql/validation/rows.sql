-- 0 when every row is right: no row without a tenant whose owner has one; no id that is no tenant's; no row in another
-- tenant than its owner. Rows without an owner's profile are explained by the decision about orphans, and counted beside.
-- psql: -v schema=public -v name=clients -v owner=org_id
select count(*) filter (where unfilled or dangling or astray) as wrong,
       count(*) filter (where unfilled) as unfilled,
       count(*) filter (where dangling) as dangling,
       count(*) filter (where astray) as astray,
       count(*) filter (where orphan and tenant_id is null) as orphans_without_tenant,
       count(*) as total
from (
  select owned.tenant_id,
         profile.id is null as orphan,
         owned.tenant_id is null and profile.id is not null as unfilled,
         owned.tenant_id is not null and tenant.id is null as dangling,
         owned.tenant_id <> profile.tenant_id as astray
  from :"schema".:"name" as owned
  left join public.profiles as profile on profile.id = owned.:"owner"
  left join public.tenants as tenant on tenant.id = owned.tenant_id
) as each_row;
