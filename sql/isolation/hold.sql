-- Keeps somebody and their victim as they were found while a trial lasts: an account that is deleted or moves to another
-- tenant meanwhile would make what triggers and policies do with its rows look like a leak. Returns whoever has changed
-- already. A colleague is put into the tenant only then (see colleague.sql); a stranger and whoever is not signed in have
-- no profile.
-- psql: -v actor=owner -v self=... -v tenant=... -v other=... -v other_tenant=...
with held as (
  select id, tenant_id from public.profiles where id in (:'self'::uuid, :'other'::uuid) for share
)
select found.id
from (
  select :'self'::uuid as id, case when :'actor' <> 'colleague' then :'tenant'::uuid end as tenant
  where :'actor' in ('owner', 'outsider', 'colleague')
  union all
  select :'other'::uuid, :'other_tenant'::uuid
) as found
where not exists (
  select from held where held.id = found.id and held.tenant_id = coalesce(found.tenant, held.tenant_id)
);
