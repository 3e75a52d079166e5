-- Moves oneself into somebody else's tenant, by one's own profile. The last query looks, from above row level security,
-- whether that is where one is now.
-- psql: -v self=… -v other_tenant=…
update public.profiles set tenant_id = :'other_tenant'::uuid where id = :'self'::uuid;

reset role;

select id from public.profiles where id = :'self'::uuid and tenant_id = :'other_tenant'::uuid;
