-- One batch: the rows of one slice in a range of blocks, and what those before it have left, get the tenant of their
-- owner's profile.
-- psql: -v schema=public -v name=clients -v owner=org_id -v from_tid='(0,0)' -v to_tid='(16,0)' -v slice=0 -v slices=1
update :"schema".:"name" as owned
set tenant_id = profile.tenant_id
from public.profiles as profile
where owned.ctid >= :'from_tid'::tid and owned.ctid < :'to_tid'::tid
  and (hashtid(owned.ctid) & 2147483647) % :'slices'::int <= :'slice'::int
  and owned.tenant_id is null
  and profile.id = owned.:"owner"
  and profile.tenant_id is not null;
