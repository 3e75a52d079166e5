-- The tenant of each person, before a rollback drops the column.
select id, tenant_id from public.profiles where tenant_id is not null;
