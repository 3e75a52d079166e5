-- One batch: the rows in a range of blocks get the tenant of their owner's profile.
-- psql: -v schema=public -v name=clients -v owner=org_id -v from_tid='(0,0)' -v to_tid='(16,0)'
update :"schema".:"name" as owned
set tenant_id = profile.tenant_id
from public.profiles as profile
where owned.ctid >= :'from_tid'::tid and owned.ctid < :'to_tid'::tid
  and owned.tenant_id is null
  and profile.id = owned.:"owner"
  and profile.tenant_id is not null;
