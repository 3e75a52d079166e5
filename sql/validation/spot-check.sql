-- Sampled rows before and after: what is no longer the same, and the tenant beside the owner's
-- psql: -v schema=public -v name=clients -v owner=org_id -v key=id
select sample.key,
       case when after.:"key" is null then 'the row is gone' else coalesce(
         (select string_agg(format('%s: %s -> %s', was.key, was.value, is_now.value), '; ')
          from jsonb_each_text(sample.row) as was
          left join jsonb_each_text(to_jsonb(after.*)) as is_now using (key)
          where was.value is distinct from is_now.value),
         'nothing') end as changed,
       sample.row - 'id' as before,
       after.tenant_id as tenant_after,
       profile.tenant_id as tenant_of_owner
from middlewatch.sample as sample
left join :"schema".:"name" as after on after.:"key"::text = sample.key
left join public.profiles as profile on profile.id = after.:"owner"
where sample.name = :'schema'::text || '.' || :'name'::text;
