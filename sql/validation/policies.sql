-- The policies this migration made: 2 for profiles, 4 for each of 12 tables, 1 for the tenants.
select count(*) as policies
from pg_policies
where policyname in (
  'Users and their tenant can view', 'Users and their tenant can insert', 'Users and their tenant can update',
  'Users and their tenant can delete', 'Users can update their own', 'Users can view their own tenant'
);
