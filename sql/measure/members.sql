-- Three people with the tenant they are in, who own rows of the table.
-- psql: -v schema=public -v name=clients -v owner=org_id
select
  'member ' || row_number() over (order by profile.id) as actor,
  json_build_object('sub', profile.id, 'role', 'authenticated')::text as claims,
  profile.tenant_id as tenant
from public.profiles as profile
where profile.tenant_id is not null
  and exists (select from :"schema".:"name" as owned where owned.:"owner" = profile.id)
order by profile.id
limit 3;
