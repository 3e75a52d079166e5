-- Moves oneself into somebody else's tenant, by one's own profile. The last query looks, from above row level security,
-- whether that is where one is now.
-- Does nothing by hand but in a trial: begin; set local middlewatch.trial = 'on'; set local role authenticated; ... rollback;
-- psql: -v self=... -v other_tenant=...
update public.profiles
set tenant_id = :'other_tenant'::uuid
where id = :'self'::uuid and current_setting('middlewatch.trial', true) = 'on';

reset role;

select id from public.profiles where id = :'self'::uuid and tenant_id = :'other_tenant'::uuid;
