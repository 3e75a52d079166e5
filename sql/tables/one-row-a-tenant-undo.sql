-- psql: -v schema=public -v name=clients
alter table :"schema".:"name" alter column tenant_id reset (n_distinct);
