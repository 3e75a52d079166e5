-- A row of the owner's for a table in which there is none, with what it must have and whose it is (see actors.sql). Where a
-- constraint wants other values, the table needs a file of its own (`samples` of the step).
-- Does nothing by hand but in a trial: begin; set local middlewatch.trial = 'on'; ... rollback;
-- psql: -v schema=public -v name=clients -v columns=... -v made=...
insert into :"schema".:"name" (:columns)
select :made
where current_setting('middlewatch.trial', true) = 'on'
returning tableoid, ctid;
