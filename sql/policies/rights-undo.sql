-- Grants again what was taken back, to whom it was granted.
-- psql: -v schema=public -v name=clients
-- GRANT and REVOKE lock no table, and a TRUNCATE that meets them in the catalog fails; so it waits.
lock table :"schema".:"name" in row exclusive mode;

select set_config('middlewatch.relation', format('%I.%I', :'schema'::text, :'name'::text), true);

do $$
-- locks: nothing
declare
  given record;
begin
  for given in
    delete from middlewatch.revoked
    where privilege in ('TRUNCATE', 'TRIGGER')
      and (to_regclass(relation) = current_setting('middlewatch.relation')::regclass
        or to_regclass(relation) in (select relid from pg_partition_tree(current_setting('middlewatch.relation'))))
    returning *
  loop
    execute format(
      'grant %s on %s to %s%s', given.privilege, given.relation::regclass,
      case given.grantee when 0 then 'public' else given.grantee::regrole::text end,
      case when given.grantable then ' with grant option' end
    );
  end loop;
end
$$;
