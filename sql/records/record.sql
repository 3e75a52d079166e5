-- Enters the migration where a Supabase project keeps its list, if this is one, under the plan's version and those after it.
-- What is entered here is kept apart: a version that was there already stays when this is taken back. Lists made by early
-- releases of the command-line tool have no names.
do $$
-- locks: ROW EXCLUSIVE on supabase_migrations.schema_migrations
begin
  if to_regclass('supabase_migrations.schema_migrations') is null then return; end if;
  create schema if not exists middlewatch;
  create table if not exists middlewatch.recorded (version text primary key);
  execute format(
    $query$
      with entered as (
        insert into supabase_migrations.schema_migrations (version %1$s)
        select version %1$s from (values
          ('20251110000001', 'create_tenants_table_and_backfill'),
          ('20251110000002', 'add_tenant_id_to_profiles'),
          ('20251110000003', 'add_tenant_id_to_tables'),
          ('20251110000004', 'update_rls_policies')
        ) as migration (version, name)
        on conflict do nothing
        returning version
      )
      insert into middlewatch.recorded (version) select version from entered
    $query$,
    (select ', name' from pg_attribute
     where attrelid = 'supabase_migrations.schema_migrations'::regclass and attname = 'name' and not attisdropped)
  );
end
$$;
