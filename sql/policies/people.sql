-- Whose access is compared before the policies change: up to three people who own rows of the table and three others, up to
-- three of staff (settings.staff_role, by public.user_roles, by profiles.role or is_ and its name, or by what their token says),
-- who must lose nothing that they reach through policies that name the role; up to three accounts without a profile that own
-- rows, where none of these has been put into quarantine; somebody who is signed in and has nothing at all; somebody who is not;
-- and other roles that a policy of the table names, if whoever asks may act as them. Everybody may lose rows of others, and
-- none of their own.
-- psql: -v schema=public -v name=clients -v owner=org_id -v staff_role=admin
with staff as (
  -- Queries in strings, because tables and columns need not exist. What most people are is no mark of staff.
  select unnest(ids)::uuid as id
  from (
    select 'select user_id as id from public.user_roles where role::text = %L'
    where (select count(*) from pg_attribute
           where attrelid = to_regclass('public.user_roles') and attname in ('user_id', 'role')) = 2
    union all
    select format('select id from public.profiles where %I::text in (%%1$L, ''true'')', attname)
    from pg_attribute
    where attrelid = 'public.profiles'::regclass and not attisdropped and attname in ('role', 'is_' || :'staff_role'::text)
    union all
    select 'select id from auth.users where raw_app_meta_data ->> ''role'' = %L'
    where exists (
      select from pg_attribute where attrelid = to_regclass('auth.users') and attname = 'raw_app_meta_data')
  ) as marked (query)
  cross join lateral (
    select array(select (regexp_matches(
      query_to_xml(format(query, :'staff_role'::text), false, true, '')::text, '<id>([0-9a-f-]{36})<', 'g'))[1])
  ) as found (ids)
  where 2 * cardinality(ids) <= (select count(*) from public.profiles)
),
chosen as (
  (select id, 'all' as keeps from staff order by id limit 3)
  union all
  (
    select id, 'own' from public.profiles as profile
    where id not in (select id from staff)
      and exists (select from :"schema".:"name" as owned where owned.:"owner" = profile.id)
    order by id limit 3
  )
  union
  (select id, 'own' from public.profiles where id not in (select id from staff) order by id desc limit 3)
  union
  -- As long as the table has no such column, tenant_id is that of `before`.
  (
    select distinct rows_of_theirs.id, 'own'
    from (values (null::uuid)) as before (tenant_id)
    cross join lateral (
      select owned.:"owner" as id
      from :"schema".:"name" as owned
      where tenant_id is null
        and not exists (select from public.profiles as profile where profile.id = owned.:"owner")
        and exists (select from auth.users as account where account.id = owned.:"owner")
        and not exists (
          select from :"schema".:"name" as other where other.:"owner" = owned.:"owner" and tenant_id is not null)
    ) as rows_of_theirs
    where rows_of_theirs.id not in (select id from staff)
    limit 3
  )
)
select
  case keeps when 'all' then 'staff ' else 'user ' end || right(users.id::text, 8) as actor,
  'authenticated' as role,
  json_build_object(
    'sub', users.id, 'role', 'authenticated', 'aud', 'authenticated', 'aal', 'aal2', 'is_anonymous', false, 'email', users.email,
    'app_metadata', to_jsonb(users) -> 'raw_app_meta_data', 'user_metadata', to_jsonb(users) -> 'raw_user_meta_data'
  )::text as claims,
  users.id as self,
  keeps,
  :'staff_role'::text as through
from chosen join auth.users as users on users.id = chosen.id
union all
select
  'signed in, without a profile', 'authenticated', json_build_object('sub', stranger.id, 'role', 'authenticated')::text,
  stranger.id, 'own', ''
from gen_random_uuid() as stranger (id)
union all
select 'not signed in', 'anon', '', '00000000-0000-0000-0000-000000000000', 'own', ''
where exists (select from pg_catalog.pg_roles where rolname = 'anon')
union all
select distinct 'role ' || rolname, rolname::text, '', '00000000-0000-0000-0000-000000000000'::uuid, 'own', ''
from pg_policy cross join unnest(polroles) as named (role) join pg_roles on pg_roles.oid = named.role
where polrelid = format('%I.%I', :'schema'::text, :'name'::text)::regclass
  and rolname not in ('anon', 'authenticated') and not rolsuper and not rolbypassrls
  and pg_has_role(pg_roles.oid, 'member');
