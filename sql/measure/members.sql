-- Three people with the tenant they are in, who own rows of the table.
-- psql: -v schema=public -v name=clients -v owner=org_id
select
  'user ' || left(profile.id::text, 8) as actor,
  json_build_object('sub', profile.id, 'role', 'authenticated')::text as claims,
  profile.tenant_id as tenant
from public.profiles as profile
where profile.tenant_id is not null
  and exists (select from :"schema".:"name" as owned where owned.:"owner" = profile.id)
order by profile.id
limit 3;
