-- Rows that were written without their tenant all the same: by a transaction that still saw the table, or a profile, as it was
-- before; and those that quarantine took from somebody who was just signing up. To build an index concurrently, the server has
-- waited for all of these.
-- psql: -v schema=public -v name=clients -v owner=org_id
select set_config('middlewatch.backfill', 'on', true);

update :"schema".:"name" as owned
set tenant_id = profile.tenant_id
from public.profiles as profile
where profile.id = owned.:"owner"
  and (owned.tenant_id is null
    or owned.tenant_id in (select id from public.tenants where owner_id is null and settings @> '{"quarantine": true}'));
