-- Rows that no profile owns go into a tenant nobody is a member of: none is moved, changed otherwise or deleted, and nobody
-- sees more of them than before.
-- psql: -v schema=public -v name=clients -v owner=org_id
select set_config('middlewatch.backfill', 'on', true);

insert into public.tenants (name, is_active, settings)
select 'Quarantine', false, '{"quarantine": true}'
where not exists (select from public.tenants where settings @> '{"quarantine": true}');

update :"schema".:"name" as owned
set tenant_id = (select id from public.tenants where settings @> '{"quarantine": true}')
where tenant_id is null
  and not exists (select from public.profiles as profile where profile.id = owned.:"owner");
