-- A row of the owner's for a table in which there is none, with nothing in it but whose it is. A table that wants more than
-- that needs a file of its own (`samples` of the step).
-- Does nothing by hand but in a trial: begin; set local middlewatch.trial = 'on'; … rollback;
-- psql: -v schema=public -v name=clients -v owner=org_id -v self=… -v tenant=…
insert into :"schema".:"name" (:"owner", tenant_id)
select :'self'::uuid, :'tenant'::uuid
where current_setting('middlewatch.trial', true) = 'on'
returning tableoid, ctid;
