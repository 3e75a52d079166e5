-- One batch: the profiles in a range of blocks.
-- psql: -v schema=public -v name=profiles -v owner=id -v from_tid='(0,0)' -v to_tid='(16,0)'
update :"schema".:"name" as profile
set tenant_id = tenant.id
from public.tenants as tenant
where profile.ctid >= :'from_tid'::tid and profile.ctid < :'to_tid'::tid
  and profile.tenant_id is null
  and tenant.owner_id = profile.:"owner";
