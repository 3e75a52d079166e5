-- Sampled rows before and after: what is no longer the same, and the tenant beside the owner's
-- Where several rows have the key of a sample, it is held against one that is the same, if there is any.
-- psql: -v schema=public -v name=clients -v owner=org_id -v key=id
with pair as (
  select distinct on (sample.key) sample.key, sample.row as before, after.row as after
  from middlewatch.sample as sample
  left join :"schema".:"name" as found on found.:"key"::text = sample.key
  -- As in sample.sql.
  cross join lateral (
    select regexp_replace(row_to_json(found.*)::text, '(?<!\\)((?:\\\\)*)\\u', '\1\\\\u', 'g')::jsonb as row
  ) as after
  where sample.name = :'schema'::text || '.' || :'name'::text
  order by sample.key, after.row - 'tenant_id' = sample.row desc
)
select pair.key,
       case when after is null then 'the row is gone' else coalesce(
         (select string_agg(format('%s: %s -> %s', was.key, was.value, is_now.value), '; ')
          from jsonb_each_text(before) as was
          left join jsonb_each_text(after) as is_now using (key)
          where was.value is distinct from is_now.value),
         'nothing') end as changed,
       before - 'id' as before,
       after ->> 'tenant_id' as tenant_after,
       profile.tenant_id as tenant_of_owner
from pair
left join public.profiles as profile on profile.id::text = after ->> :'owner';
