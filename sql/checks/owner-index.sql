-- A row when no index leads to the rows of an owner: with policies that ask for the owner or the tenant, the index on the
-- tenant is of use only beside one on the owner.
-- psql: -v schema=public -v name=clients -v owner=org_id
select :'owner'::text as "without an index"
where not exists (
  select from pg_index
  join pg_class as index on index.oid = indexrelid
  join pg_am on pg_am.oid = index.relam
  join pg_attribute on attrelid = indrelid and attnum = indkey[0]
  where indrelid = format('%I.%I', :'schema'::text, :'name'::text)::regclass and attname = :'owner'::text
    and amname in ('btree', 'hash') and indisvalid and indpred is null
);
