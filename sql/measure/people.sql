-- Whose eyes to measure through: three people who own rows of the table; the same ones before and after. A query that says
-- nothing about the owner is filtered by row level security alone, as an application does it.
-- psql: -v schema=public -v name=clients -v owner=org_id
select
  'user ' || left(profile.id::text, 8) as actor,
  json_build_object('sub', profile.id, 'role', 'authenticated')::text as claims,
  profile.id as self
from public.profiles as profile
where exists (select from :"schema".:"name" as owned where owned.:"owner" = profile.id)
order by profile.id
limit 3;
