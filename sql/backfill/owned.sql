-- One batch: the rows of one slice in a range of blocks, and in the last slice all that are left there, get the tenant of
-- their owner's profile. A slice goes by the row's number in its block (the last of the six bytes of its ctid), so that each
-- has as many rows of a block: what one has moved out of it is as much room as the next has need of. CASE,
-- so that only rows of the slice are taken apart as far as their last column; its comparison with a number the planner takes
-- for few rows, so that it looks their profiles up rather than read all profiles for each batch.
-- psql: -v schema=public -v name=clients -v owner=org_id -v from_tid='(0,0)' -v to_tid='(16,0)' -v slice=0 -v slices=1
update :"schema".:"name" as owned
set tenant_id = profile.tenant_id
from public.profiles as profile
where owned.ctid >= :'from_tid'::tid and owned.ctid < :'to_tid'::tid
  and case when get_byte(tidsend(owned.ctid), 5) % :'slices'::int = :'slice'::int or :'slice'::int = :'slices'::int - 1
           then pg_catalog.num_nulls(owned.tenant_id) end = 1
  and profile.id = owned.:"owner"
  and profile.tenant_id is not null;
