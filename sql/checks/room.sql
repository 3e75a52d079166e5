-- How much room the migration will take, at most, and what is left of it
--
-- A new version of every row (the backfill clears nothing away), a new entry in every index (when no page has room for the
-- new version beside the old), an index on tenant_id; and WAL: all of that, and every page once in full. Of the WAL, what
-- max_wal_size keeps; all of it where a slot or an archive may hold it up. What is free SQL cannot see: it is declared.
-- psql: -v tables='[{"schema": "public", "name": "clients"}]' -v free='10GB'
with size as (
  select class.oid, greatest(class.reltuples, 0) as rows, pg_relation_size(class.oid) as heap,
         pg_indexes_size(class.oid) as indexes,
         -- Analyzed, its rows are known; else its pages are taken for full.
         case when class.reltuples > 0 then class.reltuples * (
           select 48 + coalesce(sum(avg_width), 0) from pg_stats
           where schemaname = nspname and tablename = relname
         ) end as versions
  from json_array_elements(:'tables'::json) as item
  cross join lateral (select to_regclass(format('%I.%I', item ->> 'schema', item ->> 'name')) as oid) as listed
  join pg_class as class
    on class.oid = listed.oid or class.oid in (select relid from pg_partition_tree(listed.oid))
  join pg_namespace as namespace on namespace.oid = class.relnamespace
  where class.relkind = 'r'
),
each as (
  select greatest(versions, heap * 1.1) as versions, indexes as entries, greatest(rows, heap / 100.0) * 40 as new_index,
         heap + indexes as pages
  from size
),
total as (
  select ceil(sum(versions))::bigint as versions, ceil(sum(entries))::bigint as entries,
         ceil(sum(new_index))::bigint as new_index,
         ceil(sum(versions + entries + new_index) * 1.5 + sum(pages))::bigint as written
  from each
),
estimate as (
  select versions, entries, new_index, wal, versions + entries + new_index + wal as "all"
  from total, lateral (
    select case
      when current_setting('archive_mode') <> 'off' or exists (select from pg_replication_slots) then written
      else least(written, pg_size_bytes(current_setting('max_wal_size'))) end as wal
  ) as kept
)
select case when free.given = '' then 'cannot tell'
         else greatest(0, ceil(("all" - pg_size_bytes(nullif(free.given, ''))) / 1048576.0))::text end as "MB too little",
       pg_size_pretty(versions) as "row versions", pg_size_pretty(entries) as "index entries",
       pg_size_pretty(new_index) as "new indexes", pg_size_pretty(wal) as "WAL kept", pg_size_pretty("all") as "in all",
       coalesce(nullif(free.given, ''), 'cannot tell: declare it in the setting free_space') as free
from estimate, (select :'free'::text as given) as free;
