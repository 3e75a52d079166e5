-- Deletes what belongs to somebody else. Must be refused, or touch no row.
-- Does nothing by hand but in a trial: begin; set local middlewatch.trial = 'on'; set local role authenticated; … rollback;
-- psql: -v schema=public -v name=clients -v owner=org_id -v other=… -v other_tenant=…
delete from :"schema".:"name"
where (:"owner" = :'other'::uuid or tenant_id = :'other_tenant'::uuid)
  and current_setting('middlewatch.trial', true) = 'on';
