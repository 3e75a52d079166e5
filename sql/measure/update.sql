-- One row, by its key, and as it is. Changes nothing by hand but in a trial, which is rolled back.
-- psql: -v schema=public -v name=clients -v owner=org_id -v key=id -v key_of_one=...
update :"schema".:"name" set :"owner" = :"owner"
where :"key" = :'key_of_one' and current_setting('middlewatch.trial', true) = 'on';
