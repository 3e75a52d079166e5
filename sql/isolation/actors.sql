-- Who to act as: an owner, if there is one of rows of the table; an outsider of another tenant, who owns some as well; a
-- colleague, who shares the owner's tenant or is put there for the trial (see colleague.sql); a stranger, who is signed in
-- and has nothing; and whoever is not signed in. Each has a victim, whose tenant is another than theirs. Staff may see more,
-- and is left out (known as in sql/policies/people.sql). Who of many is chance: when somebody
-- is in the way of trying with these, the next look finds others. For a table in which there is nothing to try on,
-- also what a row of the owner's could be made of (see sample.sql).
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
ordinary as (
  select id, tenant_id
  from public.profiles
  where tenant_id is not null and id not in (select id from staff)
),
candidates as (
  (
    select id, tenant_id, 1 as rank
    from ordinary
    where exists (select from :"schema".:"name" as owned where owned.:"owner" = ordinary.id)
    limit 20
  )
  union all
  (select id, tenant_id, 2 as rank from ordinary limit 20)
),
owner as (select id, tenant_id from candidates order by rank, random() limit 1),
outsider as (
  select id, tenant_id
  from candidates
  where tenant_id <> (select tenant_id from owner)
  order by rank, random()
  limit 1
),
colleague as (
  (
    select id, 1 as rank
    from ordinary
    where tenant_id = (select tenant_id from owner) and id <> (select id from owner)
    limit 1
  )
  union all
  (
    select id, 2 as rank
    from ordinary
    where tenant_id not in (select tenant_id from owner union all select tenant_id from outsider)
    limit 1
  )
  order by rank
  limit 1
),
people as (
  select 'owner' as actor, owner.id as self, owner.tenant_id as tenant, outsider.id as other, outsider.tenant_id as other_tenant
  from owner left join outsider on true
  union all
  select 'colleague', colleague.id, owner.tenant_id, outsider.id, outsider.tenant_id
  from colleague cross join owner left join outsider on true
  union all
  select 'outsider', outsider.id, outsider.tenant_id, owner.id, owner.tenant_id
  from outsider cross join owner
  union all
  select 'stranger', gen_random_uuid(), '00000000-0000-0000-0000-000000000000', id, tenant_id
  from owner
),
-- Whose it is, and something for each column that must not be NULL and has no default: of what it refers to, any row.
sample as (
  select string_agg(quote_ident(attname), ', ' order by attnum) as columns,
         string_agg(coalesce(
           case
             when attname = :'owner'::text then quote_literal(owner.id) || '::uuid'
             when attname = 'tenant_id' then quote_literal(owner.tenant_id) || '::uuid'
             when refers.to_column is not null then format('(select %I from %s limit 1)', refers.to_column, refers.to_table)
             when typtype = 'e' then (
               select quote_literal(enumlabel) from pg_enum where enumtypid = atttypid order by enumsortorder limit 1)
             when typcategory = 'S' then quote_literal(left('sample', coalesce(nullif(greatest(atttypmod - 4, 0), 0), 6)))
             when typcategory = 'B' then 'false'
             when typcategory = 'N' then '1'
             when typcategory = 'D' then 'now()'
             when typcategory = 'A' then '''{}'''
             when typcategory = 'R' then '''empty'''
             when typcategory = 'T' then '''1 hour'''
             when typcategory = 'I' then '''127.0.0.1'''
             when atttypid = 'uuid'::regtype then 'gen_random_uuid()'
             when atttypid in ('json'::regtype, 'jsonb'::regtype) then '''{}'''
             when atttypid = 'bytea'::regtype then ''''''
           end, 'null'), ', ' order by attnum) as made
  from owner cross join pg_attribute join pg_type on pg_type.oid = atttypid
  left join lateral (
    select confrelid::regclass as to_table, (
             select attname from pg_attribute as referred where attrelid = confrelid and attnum = confkey[1]
           ) as to_column
    from pg_constraint
    where contype = 'f' and conrelid = attrelid and conkey = array[attnum]
    limit 1
  ) as refers on true
  where attrelid = format('%I.%I', :'schema'::text, :'name'::text)::regclass and attnum > 0 and not attisdropped
    and (attname in (:'owner'::text, 'tenant_id') or attnotnull and not atthasdef and attidentity = '')
)
select actor, 'authenticated' as role,
       json_build_object(
         'sub', self, 'role', 'authenticated', 'aud', 'authenticated', 'aal', 'aal2', 'is_anonymous', false, 'email', users.email,
         'app_metadata', to_jsonb(users) -> 'raw_app_meta_data', 'user_metadata', to_jsonb(users) -> 'raw_user_meta_data'
       )::text as claims,
       self, tenant, other, other_tenant, sample.columns, sample.made
from people cross join sample left join auth.users on users.id = self
union all
select 'anonymous', 'anon', '', '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', id, tenant_id,
       sample.columns, sample.made
from owner cross join sample
where exists (select from pg_catalog.pg_roles where rolname = 'anon');
