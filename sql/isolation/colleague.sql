-- How somebody joins a tenant: whoever may set it sets it in their profile. For a trial only, which takes it back.
-- Does nothing by hand but in a trial: begin; set local middlewatch.trial = 'on'; ... rollback;
-- psql: -v self=... -v tenant=...
update public.profiles
set tenant_id = :'tenant'::uuid
where id = :'self'::uuid and tenant_id <> :'tenant'::uuid and current_setting('middlewatch.trial', true) = 'on';
