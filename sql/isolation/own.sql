-- How many rows of the table are one's own, or one's tenant's, and how many are not. Whoever is above row level security
-- learns how many there are; everybody else must come to the same number of their own, and to no other.
-- psql: -v schema=public -v name=clients -v owner=org_id -v self=... -v tenant=...
select
  count(*) filter (where :"owner" = :'self'::uuid or tenant_id = :'tenant'::uuid) as own,
  count(*) filter (where (:"owner" = :'self'::uuid or tenant_id = :'tenant'::uuid) is not true) as foreign_rows
from :"schema".:"name";
