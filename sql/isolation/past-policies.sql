-- Rights that row level security does not hold for: to empty the table, and to have code run when others write to it. And
-- rights to a partition by its own name, where that has no row level security of its own or policies that nobody replaced.
-- Must find none.
-- psql: -v schema=public -v name=clients
select right_to
from unnest(array['TRUNCATE', 'TRIGGER']) as right_to
where has_table_privilege(format('%I.%I', :'schema'::text, :'name'::text), right_to)
union all
select format('%s on %s', right_to, part.oid::regclass)
from pg_partition_tree(format('%I.%I', :'schema'::text, :'name'::text)::regclass) as tree
join pg_class as part on part.oid = tree.relid and tree.level > 0
cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) as right_to
where has_schema_privilege(part.relnamespace, 'usage') and has_table_privilege(part.oid, right_to)
  and (right_to in ('TRUNCATE', 'TRIGGER') or not part.relrowsecurity
       or exists (select from pg_policy where polrelid = part.oid));
