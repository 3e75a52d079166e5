-- Holds for new rows at once, and needs no look at the old ones while it holds its lock; they are validated next. Deleting
-- a tenant that still has rows is refused.
-- psql: -v schema=public -v name=clients
alter table :"schema".:"name"
  add constraint tenant_id_fkey foreign key (tenant_id) references public.tenants (id) not valid;
