-- Takes back from whoever uses the application what no policy holds for (see checks/rights.sql), and keeps what was granted.
-- psql: -v schema=public -v name=clients
-- GRANT and REVOKE lock no table, and a TRUNCATE that meets them in the catalog fails; so it waits.
lock table :"schema".:"name" in row exclusive mode;

create schema if not exists middlewatch;
create table if not exists middlewatch.revoked (
  relation text not null, grantee oid not null, privilege text not null, grantable boolean not null
);
-- A publication for all tables lets a rollback delete from it only so.
alter table middlewatch.revoked replica identity full;

insert into middlewatch.revoked (relation, grantee, privilege, grantable)
select format('%I.%I', nspname, relname), grantee, privilege_type, is_grantable
from (select format('%I.%I', :'schema'::text, :'name'::text)::regclass as oid) as here
join pg_class on pg_class.oid = here.oid or pg_class.oid in (select relid from pg_partition_tree(here.oid))
join pg_namespace on pg_namespace.oid = relnamespace
cross join aclexplode(relacl)
where grantor = relowner and privilege_type in ('TRUNCATE', 'TRIGGER')
  and (grantee = 0 or grantee in (select oid from pg_roles where rolname in ('anon', 'authenticated')));

-- Those of partitions, too, by their own names; and whether all of it is gone.
select set_config('middlewatch.relation', format('%I.%I', :'schema'::text, :'name'::text), true);

do $$
-- locks: nothing
declare
  relation regclass := current_setting('middlewatch.relation');
  part regclass;
  left_to text;
begin
  for part in select relation union select relid from pg_partition_tree(relation) loop
    execute format('revoke truncate, trigger on %s from public, anon, authenticated', part);
  end loop;
  select string_agg(format('%s on %s by %s', right_to, held, rolname), ', ') into left_to
  from pg_roles cross join unnest(array['TRUNCATE', 'TRIGGER']) as right_to
  cross join (select relation union select relid from pg_partition_tree(relation)) as each (held)
  where rolname in ('anon', 'authenticated') and has_table_privilege(rolname, held, right_to);
  if left_to is not null then
    raise insufficient_privilege using message = format('Users hold still: %s', left_to);
  end if;
exception when insufficient_privilege or dependent_objects_still_exist then
  raise exception '%', sqlerrm
    using hint = 'The decision about rights shows what revoke cannot take back, and from whom it comes: take it back there, then retry.';
end
$$;
