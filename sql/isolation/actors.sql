-- Who to act as: up to three people of different tenants, those first who own rows of the table, each with a victim; a
-- colleague, put into the first one's tenant for the length of the trial, who must see what that tenant has; somebody
-- who is signed in and has nothing at all; and somebody who is not. The first one is nobody's victim then, so that what is found in a victim's tenant was put there
-- by an attack. Whoever holds a role that most do not (support staff, say) may see more, and is left out.
-- Outside a trial (see the attacks beside this file) nobody is moved, and there is no colleague.
-- psql: -v schema=public -v name=clients -v owner=org_id
with staff as (
  -- A query in a string, because the table need not exist.
  select (regexp_matches(
    query_to_xml(
      'select user_id from public.user_roles where role in (
         select role from public.user_roles group by role
         having 2 * count(*) < (select count(*) from public.profiles))',
      false, true, ''
    )::text,
    '<user_id>([^<]+)', 'g'
  ))[1]::uuid as id
  where (
    select count(*) from pg_catalog.pg_attribute
    where attrelid = to_regclass('public.user_roles') and attname in ('user_id', 'role')
  ) = 2
),
ordinary as (
  select id, tenant_id
  from public.profiles
  where tenant_id is not null and id not in (select id from staff)
),
chosen as (
  (
    select id, tenant_id, 1 as rank
    from ordinary
    where exists (select from :"schema".:"name" as owned where owned.:"owner" = ordinary.id)
    limit 3
  )
  union all
  (select id, tenant_id, 2 as rank from ordinary limit 3)
),
people as (
  select id, tenant_id, row_number() over (order by rank, id) as place
  from (select distinct on (tenant_id) id, tenant_id, rank from chosen order by tenant_id, rank, id) as apart
  order by rank, id
  limit 3
),
colleague as (
  update public.profiles
  set tenant_id = (select tenant_id from people where place = 1)
  where current_setting('middlewatch.trial', true) = 'on'
    and (select count(*) from people) = 3
    and id = (
      select id from ordinary
      where id not in (select id from people) and tenant_id not in (select tenant_id from people)
      limit 1
    )
  returning id, tenant_id
)
select
  'user ' || left(person.id::text, 8) as actor,
  'authenticated' as role,
  json_build_object('sub', person.id, 'role', 'authenticated')::text as claims,
  person.id as self,
  person.tenant_id as tenant,
  other.id as other,
  other.tenant_id as other_tenant
from people as person
join people as other on other.place = case
  when person.place <> 2 then 2
  when (select count(*) from people) = 3 then 3
  else 1
end
union all
select
  'colleague of user ' || left(first.id::text, 8),
  'authenticated',
  json_build_object('sub', colleague.id, 'role', 'authenticated')::text,
  colleague.id,
  colleague.tenant_id,
  other.id,
  other.tenant_id
from colleague
join people as first on first.place = 1
join people as other on other.place = 2
union all
select
  'signed in, without a profile',
  'authenticated',
  json_build_object('sub', stranger.id, 'role', 'authenticated')::text,
  stranger.id,
  '00000000-0000-0000-0000-000000000000',
  other.id,
  other.tenant_id
from people as other cross join (select gen_random_uuid() as id) as stranger
where other.place = least(2, (select count(*) from people))
union all
select
  'not signed in',
  'anon',
  '',
  '00000000-0000-0000-0000-000000000000',
  '00000000-0000-0000-0000-000000000000',
  other.id,
  other.tenant_id
from people as other
where other.place = least(2, (select count(*) from people)) and exists (select from pg_catalog.pg_roles where rolname = 'anon');
