-- The tenants whole, before a rollback drops the table.
select * from public.tenants;
