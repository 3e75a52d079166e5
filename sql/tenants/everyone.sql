-- One batch: a tenant for each profile in a range of blocks. Those that arrive meanwhile get theirs by the trigger; where both
-- try, the unique index lets the second one pass by. An account that is being deleted is waited for, and left out.
-- psql: -v schema=public -v name=profiles -v owner=id -v profile_label=name -v from_tid='(0,0)' -v to_tid='(16,0)'
insert into public.tenants (name, owner_id)
select coalesce(profile.:"profile_label"::text || '''s Organization', 'Organization'), profile.:"owner"
from :"schema".:"name" as profile
where profile.ctid >= :'from_tid'::tid and profile.ctid < :'to_tid'::tid
  and not exists (select from public.tenants as tenant where tenant.owner_id = profile.:"owner")
for key share of profile
on conflict (owner_id) do nothing;
