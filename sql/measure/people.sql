-- Whose eyes to measure through: three people who own rows of the table, the same ones before and after; with one of their
-- rows, and what another like it would be made of: an application says nothing of the tenant, leaves to the server what
-- the server makes itself, and repeats nothing that has to be unique.
-- psql: -v schema=public -v name=clients -v owner=org_id -v key=id
select
  'user ' || left(profile.id::text, 8) as actor,
  json_build_object('sub', profile.id, 'role', 'authenticated')::text as claims,
  profile.id as self,
  theirs.data ->> :'key'::text as key_of_one,
  another.columns,
  (theirs.data || another.anew)::text as another
from (
  select id from public.profiles
  where exists (select from :"schema".:"name" as owned where owned.:"owner" = profiles.id)
  order by id
  limit 3
) as profile
cross join lateral (
  select to_jsonb(owned) as data from :"schema".:"name" as owned where owned.:"owner" = profile.id limit 1
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
order by profile.id;
