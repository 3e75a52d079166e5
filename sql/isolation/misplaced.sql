-- Where nobody may put a row, be it a new one or the owner's: into a tenant or a name that is not theirs. Both are tried
-- with every line of this; with either, somebody else would see the row among their own. The last is the name of an account
-- without a profile, for tables where such a one can own rows.
-- psql: -v schema=public -v name=clients -v owner=org_id -v self=... -v tenant=... -v other=... -v other_tenant=...
select :'self' as :"owner", :'other_tenant' as tenant_id
union all
select :'other', null
union all
select :'other', :'tenant'
union all
select :'other', :'other_tenant'
union all
select 'e7a1d3c2-94b6-4f0e-8c5d-2b7a6f1e9d04', :'tenant'
where not exists (
  select from pg_constraint join pg_attribute on attrelid = conrelid and attnum = any (conkey)
  where contype = 'f' and conrelid = format('%I.%I', :'schema'::text, :'name'::text)::regclass
    and confrelid = 'public.profiles'::regclass and attname = :'owner'::text
);
