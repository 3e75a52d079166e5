-- psql: -v schema=public -v name=clients
select count(*) as without_tenant from :"schema".:"name" where tenant_id is null;
