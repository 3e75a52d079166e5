-- Rights that row level security does not hold for: to empty the table, and to have code run when others write to it. Must
-- find none.
-- psql: -v schema=public -v name=clients
select right_to
from unnest(array['TRUNCATE', 'TRIGGER']) as right_to
where has_table_privilege(format('%I.%I', :'schema'::text, :'name'::text), right_to);
