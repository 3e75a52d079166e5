-- Reads the whole table beside its readers and writers, and fails on an id that is no tenant's.
-- psql: -v schema=public -v name=clients
alter table :"schema".:"name" validate constraint tenant_id_fkey;
