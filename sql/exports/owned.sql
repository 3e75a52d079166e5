-- The tenant of each row, before a rollback drops the column.
-- psql: -v schema=public -v name=clients -v key=id -v owner=org_id
select owned.:"key" as key, owned.:"owner" as owner, owned.tenant_id
from :"schema".:"name" as owned
where owned.tenant_id is not null;
