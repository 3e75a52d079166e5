-- Policies that say something else than "the owner, and nobody else", and those that no new one stands in for
-- Permissive policies are OR-ed: one of these that stays lets through what it lets through, whatever the new ones say. The
-- new ones of profiles are for reading and changing only: what lets people add or delete their own goes unless it is kept.
-- psql: -v schema=public -v name=clients -v owner=org_id
with found as (
  select polname, polcmd, polpermissive,
         coalesce((select string_agg(rolname, ', ' order by rolname) from pg_roles where oid = any (polroles)), 'everybody') as roles,
         pg_get_expr(polqual, polrelid) as using_expression,
         pg_get_expr(polwithcheck, polrelid) as check_expression
  from pg_policy
  where polrelid = format('%I.%I', :'schema'::text, :'name'::text)::regclass
),
owner_only (expression) as (
  values (format('(%I = auth.uid())', :'owner'::text)),
         (format('(%I = ( SELECT auth.uid() AS uid))', :'owner'::text)),
         (format('(auth.uid() = %I)', :'owner'::text)),
         (format('(( SELECT auth.uid() AS uid) = %I)', :'owner'::text))
)
select polname as policy,
       case polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE' else 'ALL' end as command,
       case when polpermissive then 'permissive' else 'restrictive' end as kind,
       roles, using_expression as "using", check_expression as "check"
from found
where coalesce(using_expression, check_expression) not in (select expression from owner_only)
   or check_expression not in (select expression from owner_only)
   or not polpermissive
   or format('%I.%I', :'schema'::text, :'name'::text)::regclass = 'public.profiles'::regclass and polcmd in ('a', 'd', '*')
order by polname;
