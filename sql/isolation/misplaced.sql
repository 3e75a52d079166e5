-- Where nobody may put a row, be it a new one or the owner's: into a tenant or a name that is not theirs. Both are tried
-- with every line of this; with either, somebody else would see the row among their own.
-- psql: -v owner=org_id -v self=... -v tenant=... -v other=... -v other_tenant=...
select :'self' as :"owner", :'other_tenant' as tenant_id
union all
select :'other', null
union all
select :'other', :'tenant'
union all
select :'other', :'other_tenant';
