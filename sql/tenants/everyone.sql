-- A tenant for each profile there is. Those that arrive meanwhile get theirs by the trigger; where both try, the unique
-- index lets the second one pass by. An account that is being deleted is waited for, and left out.
-- psql: -v label=name
insert into public.tenants (name, owner_id)
select coalesce(profile.:"label"::text || '''s Organization', 'Organization'), profile.id
from public.profiles as profile
where not exists (select from public.tenants as tenant where tenant.owner_id = profile.id)
for key share of profile
on conflict (owner_id) do nothing;
