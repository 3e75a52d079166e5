-- psql: -v tables='[{"schema": "public", "name": "clients"}]'
select set_config('middlewatch.tables', :'tables', true);

do $$
-- locks: ACCESS EXCLUSIVE on the partitioned tables, the partitions, tenants
declare
  partitioned regclass;
begin
  for partitioned in
    select class.oid
    from json_array_elements(current_setting('middlewatch.tables')::json) as item
    join pg_class as class on class.oid = to_regclass(format('%I.%I', item ->> 'schema', item ->> 'name'))
    where class.relkind = 'p'
  loop
    execute format('alter table %s drop constraint if exists tenant_id_fkey', partitioned);
  end loop;
end
$$;
