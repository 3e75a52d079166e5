-- Views, functions and partitions through which people who use the application get at rows past row level security
-- A view without security_invoker reads with its owner's rights, a materialized one keeps what it read, and so does whatever
-- reads from these. A function with SECURITY DEFINER does all with its owner's rights; whether it keeps to the rows of
-- whoever calls it, only its text can tell. It is listed when that names the table after a word that takes one. Who names a
-- partition is held back by row level security and policies of the partition alone.
-- psql: -v schema=public -v name=clients
with recursive this as (
  select oid, relowner, relforcerowsecurity from pg_class where oid = format('%I.%I', :'schema'::text, :'name'::text)::regclass
),
uses as (
  select distinct rule.ev_class as view, use.refobjid as used
  from pg_depend as use join pg_rewrite as rule on rule.oid = use.objid
  where use.classid = 'pg_rewrite'::regclass and use.refclassid = 'pg_class'::regclass and rule.ev_class <> use.refobjid
),
-- Whether what is read through it is held against the policies for whoever asks.
reads (view, past) as (
  select uses.view,
         view.relkind = 'm' or view.relkind = 'v'
           and not coalesce(array_to_string(view.reloptions, ',') ~* 'security_invoker=(true|on|1|yes)', false)
           and (owner.rolsuper or owner.rolbypassrls or owner.oid = this.relowner and not this.relforcerowsecurity)
  from this join uses on uses.used = this.oid join pg_class as view on view.oid = uses.view
  join pg_roles as owner on owner.oid = view.relowner
  union
  select uses.view, reads.past or view.relkind = 'm'
  from reads join uses on uses.used = reads.view join pg_class as view on view.oid = uses.view
),
readers as (
  select oid, rolname from pg_roles where rolname in ('anon', 'authenticated')
),
shown (what, kind, who) as (
  select view.oid::regclass::text,
         case view.relkind when 'm' then 'materialized view' else 'view with the rights of ' || view.relowner::regrole end,
         readers.rolname
  from reads join pg_class as view on view.oid = reads.view cross join readers
  where reads.past and has_schema_privilege(readers.oid, view.relnamespace, 'usage')
    and (has_any_column_privilege(readers.oid, view.oid, 'select, insert, update')
         or has_table_privilege(readers.oid, view.oid, 'delete'))
  union
  select function.oid::regprocedure::text, 'function with the rights of ' || function.proowner::regrole, readers.rolname
  from this cross join pg_proc as function join pg_roles as owner on owner.oid = function.proowner cross join readers
  where function.prosecdef and function.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
    and (owner.rolsuper or owner.rolbypassrls or owner.oid = this.relowner and not this.relforcerowsecurity)
    and has_schema_privilege(readers.oid, function.pronamespace, 'usage')
    and has_function_privilege(readers.oid, function.oid, 'execute')
    and (exists (select from pg_depend where classid = 'pg_proc'::regclass and objid = function.oid
                   and refclassid = 'pg_class'::regclass and refobjid = this.oid)
         or function.prosrc ~* concat(
           '(\m(from|join|into|update|using|only|table)|,)\s+(("?)', regexp_replace(:'schema'::text, '(\W)', '\\\1', 'g'), '\4\.)?("?)',
           regexp_replace(:'name'::text, '(\W)', '\\\1', 'g'), '\5(?!\w)'))
  union
  select part.oid::regclass::text,
         case when part.relrowsecurity then 'partition with policies of its own' else 'partition without row level security' end,
         readers.rolname
  from this cross join pg_partition_tree(this.oid) as tree join pg_class as part on part.oid = tree.relid and tree.level > 0
  cross join readers
  where (not part.relrowsecurity or exists (select from pg_policy where polrelid = part.oid))
    and has_schema_privilege(readers.oid, part.relnamespace, 'usage')
    and (has_any_column_privilege(readers.oid, part.oid, 'select, insert, update')
         or has_table_privilege(readers.oid, part.oid, 'delete'))
)
select what, kind, string_agg(who, ', ' order by who) as shown_to from shown group by what, kind order by what;
