-- What publications will pass on that a subscriber may not have
-- A subscriber that is a PostgreSQL stops at the first row of a table it does not have, or with a column it does not have, and
-- begins again and again until it has; meanwhile the WAL is kept for it. Whoever reads that way has a slot with pgoutput. What
-- is of no table in particular is told with profiles; the schema middlewatch is there since the run was opened.
-- psql: -v schema=public -v name=clients
with here as (
  select format('%I.%I', :'schema'::text, :'name'::text)::regclass as oid
),
part as (
  select oid from here union select relid from here, pg_partition_tree(here.oid)
),
passed (pubname, what, remedy) as (
  select distinct pubname, format('tenant_id of %s', here.oid::regclass), 'add the column there, without its foreign key'
  from here cross join part join pg_class as class on class.oid = part.oid cross join pg_publication as publication
  where puballtables
     or exists (select from pg_publication_namespace where pnpubid = publication.oid and pnnspid = class.relnamespace)
     or exists (select from pg_publication_rel where prpubid = publication.oid and prrelid = class.oid and prattrs is null)
  union all
  select pubname, 'public.tenants', 'make the table there'
  from here cross join pg_publication as publication
  where here.oid = to_regclass('public.profiles')
    and (puballtables or exists (
      select from pg_publication_namespace where pnpubid = publication.oid and pnnspid = to_regnamespace('public')))
  union all
  select pubname, 'the schema middlewatch', 'make its tables there, or let the publication name the tables it is for'
  from here cross join pg_publication
  where here.oid = to_regclass('public.profiles') and puballtables
)
select pubname as publication, what as "passes on", remedy as "at the subscriber, first"
from passed
where exists (select from pg_replication_slots where plugin = 'pgoutput' and database = current_database())
order by what, pubname;
