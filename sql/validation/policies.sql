-- Policies that should be there by now and are not: four for a table, two for profiles, and one for the tenants, which is
-- told with profiles. 0 when all are there.
-- psql: -v schema=public -v name=clients
select count(*) as missing, string_agg(wanted.name, ', ') as which
from (values
  ('Users and their tenant can view', true, true), ('Users and their tenant can insert', false, true),
  ('Users and their tenant can update', false, true), ('Users and their tenant can delete', false, true),
  ('Users can update their own', true, false), ('Users can view their own tenant', true, false)
) as wanted (name, of_profiles, of_others)
cross join (select format('%I.%I', :'schema'::text, :'name'::text)::regclass as oid) as here
where case when here.oid = 'public.profiles'::regclass then of_profiles else of_others end
  and not exists (select from pg_policy where polname = wanted.name
                  and polrelid in (here.oid, case wanted.name when 'Users can view their own tenant' then 'public.tenants'::regclass end));
