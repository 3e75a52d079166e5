-- Views that show this table past its row level security, to people who use the application
-- A view without security_invoker reads with its owner's rights, and a materialized one keeps what it read. Whoever may read
-- it sees rows of every tenant, whatever the policies say.
-- psql: -v schema=public -v name=clients
select distinct view.oid::regclass::text as view,
       case view.relkind when 'm' then 'materialized' else 'runs with the rights of ' || view.relowner::regrole end as kind,
       (select string_agg(reader, ', ') from unnest(array['anon', 'authenticated']) as reader
        where reader in (select rolname from pg_roles) and has_any_column_privilege(reader, view.oid, 'select')) as shown_to
from pg_depend as use
join pg_rewrite as rule on rule.oid = use.objid
join pg_class as view on view.oid = rule.ev_class
join pg_roles as owner on owner.oid = view.relowner
join pg_class as class on class.oid = use.refobjid
where use.classid = 'pg_rewrite'::regclass and use.refclassid = 'pg_class'::regclass
  and class.oid = format('%I.%I', :'schema'::text, :'name'::text)::regclass and view.oid <> class.oid
  and (view.relkind = 'm' or view.relkind = 'v'
       and not coalesce(array_to_string(view.reloptions, ',') ~* 'security_invoker=(true|on|1|yes)', false)
       and (owner.rolsuper or owner.rolbypassrls or owner.oid = class.relowner and not class.relforcerowsecurity))
  and exists (select from pg_roles as reader
              where reader.rolname in ('anon', 'authenticated') and has_any_column_privilege(reader.oid, view.oid, 'select'));
