-- psql: -v schema=public -v name=clients
alter table :"schema".:"name" drop constraint if exists tenant_id_fkey;
