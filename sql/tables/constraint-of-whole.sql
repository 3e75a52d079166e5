-- Gives partitioned tables as a whole the foreign key that their partitions have each by now, so that those to come get it
-- too. The validated ones become parts of it, and no row is looked at; their writers, and who reads the tenants, wait for a
-- moment.
-- psql: -v tables='[{"schema": "public", "name": "clients"}]'
select set_config('middlewatch.tables', :'tables', true);

do $$
-- locks: SHARE ROW EXCLUSIVE on the partitioned tables, the partitions
-- locks: ACCESS EXCLUSIVE on tenants
declare
  partitioned regclass;
begin
  for partitioned in
    select class.oid
    from json_array_elements(current_setting('middlewatch.tables')::json) as item
    join pg_class as class on class.oid = to_regclass(format('%I.%I', item ->> 'schema', item ->> 'name'))
    where class.relkind = 'p'
  loop
    execute format(
      'alter table %s add constraint tenant_id_fkey foreign key (tenant_id) references public.tenants (id)', partitioned
    );
  end loop;
end
$$;
