-- psql: -v schema=public -v name=clients
select :'name'::text as "table", count(*) as total, count(tenant_id) as with_tenant,
       count(*) - count(tenant_id) as without_tenant,
       round(100.0 * count(tenant_id) / nullif(count(*), 0), 2) as percent_complete
from :"schema".:"name";
