-- Makes oneself the owner of somebody else's tenant. Must be refused, or touch no row.
-- Does nothing by hand but in a trial: begin; set local middlewatch.trial = 'on'; set local role authenticated; ... rollback;
-- psql: -v self=... -v other_tenant=...
update public.tenants
set owner_id = :'self'::uuid
where id = :'other_tenant'::uuid and current_setting('middlewatch.trial', true) = 'on';
