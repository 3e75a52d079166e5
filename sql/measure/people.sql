-- Whose eyes to measure through: who owns the most rows of the table by the statistics, the last of those it names, and one
-- of the many it does not; afterwards the same people. With one of their rows, and what another like it would be made of: an
-- application says nothing of the tenant, leaves to the server what the server makes itself, and repeats nothing that has to
-- be unique.
-- psql: -v schema=public -v name=clients -v owner=org_id -v key=id -v chosen='{}'
with known as (
  select profile.id, common.rank
  from (
    select most_common_vals
    from pg_stats
    where schemaname = :'schema' and tablename = :'name' and attname = :'owner'
    -- Those of the whole, where there are some of the parent alone as well.
    order by inherited desc
    limit 1
  ) as statistics
  cross join lateral unnest(most_common_vals::text::uuid[]) with ordinality as common (id, rank)
  join public.profiles as profile on profile.id = common.id
  where exists (select from :"schema".:"name" as owned where owned.:"owner" = profile.id)
),
found as (
  select case when rank = (select min(rank) from known) then 'heavy' else 'middling' end as actor, id
  from known
  where rank in (select min(rank) from known union all select max(rank) from known)
  union all
  -- Where there are no statistics, these have to do.
  select 'light' || case when row_number() over (order by id) > 1 then ' ' || row_number() over (order by id) else '' end, id
  from (
    select id
    from public.profiles
    where id not in (select id from known)
      and exists (select from :"schema".:"name" as owned where owned.:"owner" = profiles.id)
    order by id
    limit (select case count(*) when 0 then 3 when 1 then 2 else 1 end from known)
  ) as others
),
people as (
  select key as actor, value::uuid as id from jsonb_each_text(:'chosen'::jsonb)
  union all
  select actor, id from found where :'chosen'::jsonb = '{}'
)
select
  person.actor,
  json_build_object(
    'sub', person.id, 'role', 'authenticated', 'aud', 'authenticated', 'aal', 'aal2', 'is_anonymous', false, 'email', users.email,
    'app_metadata', to_jsonb(users) -> 'raw_app_meta_data', 'user_metadata', to_jsonb(users) -> 'raw_user_meta_data'
  )::text as claims,
  person.id as self,
  theirs.data ->> :'key'::text as key_of_one,
  another.columns,
  (theirs.data || another.anew)::text as another
from people as person
left join auth.users on users.id = person.id
cross join lateral (
  -- A json column may hold escapes that jsonb refuses (\u0000): here they stand for themselves.
  select regexp_replace(row_to_json(owned.*)::text, '(?<!\\)((?:\\\\)*)\\u', '\1\\\\u', 'g')::jsonb as data
  from :"schema".:"name" as owned
  where owned.:"owner" = person.id
  limit 1
) as theirs
cross join lateral (
  select
    string_agg(quote_ident(attname), ', ' order by attnum) as columns,
    coalesce(jsonb_object_agg(attname, anew) filter (where anew is not null), '{}') as anew
  from pg_attribute
  cross join lateral (
    select case
      when attname = :'owner'::text or not exists (select from pg_index where indrelid = attrelid and indisunique and attnum = any (indkey))
        then null
      when atthasdef then 'DEFAULT'
      when atttypid = 'uuid'::regtype then gen_random_uuid()::text
      when atttypid in ('text'::regtype, 'varchar'::regtype) then (theirs.data ->> attname) || left(md5(random()::text), 8)
    end as anew
  ) as unique_value
  where attrelid = format('%I.%I', :'schema'::text, :'name'::text)::regclass and attnum > 0 and not attisdropped
    and attgenerated = '' and attidentity = '' and attname <> 'tenant_id' and anew is distinct from 'DEFAULT'
) as another
order by person.actor;
