-- Holds for new rows at once, and needs no look at the old ones while it holds its lock; they are validated next. Deleting
-- a tenant that still has rows is refused.
-- Of a partitioned table each partition gets its own, for the whole takes none before PostgreSQL 18 that is not validated; see
-- constraint-of-whole.sql.
-- psql: -v schema=public -v name=clients
alter table :"schema".:"name"
  add constraint tenant_id_fkey foreign key (tenant_id) references public.tenants (id) not valid;
