-- A row like one that is there. Adds nothing by hand but in a trial, which is rolled back.
-- psql: -v schema=public -v name=clients -v columns=... -v another=...
insert into :"schema".:"name" (:columns)
select :columns
from jsonb_populate_record(null:::"schema".:"name", :'another'::jsonb)
where current_setting('middlewatch.trial', true) = 'on';
