-- Takes back from whoever uses the application what no policy holds for (see checks/rights.sql), and keeps what was granted.
-- psql: -v schema=public -v name=clients
create schema if not exists middlewatch;
create table if not exists middlewatch.revoked (
  relation text not null, grantee oid not null, privilege text not null, grantable boolean not null
);

insert into middlewatch.revoked (relation, grantee, privilege, grantable)
select format('%I.%I', :'schema'::text, :'name'::text), grantee, privilege_type, is_grantable
from pg_class cross join aclexplode(relacl)
where pg_class.oid = format('%I.%I', :'schema'::text, :'name'::text)::regclass
  and grantor = relowner and privilege_type in ('TRUNCATE', 'TRIGGER')
  and (grantee = 0 or grantee in (select oid from pg_roles where rolname in ('anon', 'authenticated')));

revoke truncate, trigger on :"schema".:"name" from public, anon, authenticated;
