-- What users may do with tenants besides reading: whoever writes them, or has code run when they are written, decides who sees
-- what. Must find nothing.
select right_to
from unnest(array['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) as right_to
where has_table_privilege('public.tenants', right_to)
   or right_to in ('INSERT', 'UPDATE') and has_any_column_privilege('public.tenants', right_to);
