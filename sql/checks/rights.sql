-- What users may do to this table past its row level security
-- Policies hold for rows that are read and written. They are not asked when the table is emptied as a whole, nor when a trigger
-- is hung on it, which then runs with the rights of whoever writes. A Supabase project grants both to everybody, and so on
-- each partition.
-- psql: -v schema=public -v name=clients
with part as (
  select format('%I.%I', :'schema'::text, :'name'::text)::regclass as oid
  union
  select relid from pg_partition_tree(format('%I.%I', :'schema'::text, :'name'::text)::regclass)
)
select may, string_agg(rolname, ', ' order by rolname) as who
from (
  select rolname, string_agg(right_to, ', ') as may
  from pg_roles cross join unnest(array['TRUNCATE', 'TRIGGER']) as right_to
  where rolname in ('anon', 'authenticated')
    and exists (select from part where has_table_privilege(rolname, oid, right_to))
  group by rolname
) as held
group by may
order by may;
