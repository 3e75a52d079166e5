-- A row of the owner's to try on, locked so that nobody changes it meanwhile; one that others are at is passed by.
-- psql: -v schema=public -v name=clients -v owner=org_id -v self=...
select tableoid, ctid
from :"schema".:"name"
where :"owner" = :'self'::uuid
limit 1
for no key update skip locked;
