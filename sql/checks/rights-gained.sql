-- What users may not do with their own rows yet, and may with the new policies
-- No permissive policy lets them, or only one that says false; but the right to it was granted.
-- psql: -v schema=public -v name=clients
select string_agg(right_to, ', ') as may
from (values ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd')) as command (right_to, letter)
join pg_class on pg_class.oid = format('%I.%I', :'schema'::text, :'name'::text)::regclass
join pg_roles on rolname = 'authenticated'
where has_table_privilege(rolname, pg_class.oid, right_to)
  and not exists (
    select from pg_policy
    where polrelid = pg_class.oid and polpermissive and polcmd in (letter::"char", '*')
      and (0 = any (polroles) or exists (select from unnest(polroles) as role where pg_has_role(rolname, role, 'usage')))
      and coalesce(pg_get_expr(case letter when 'a' then coalesce(polwithcheck, polqual) else polqual end, polrelid), 'true') <> 'false'
  )
having count(*) > 0;
