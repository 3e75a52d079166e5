-- Enters the migration where a Supabase project keeps its list, if this is one, under the plan's version and those after it.
do $$
begin
  if to_regclass('supabase_migrations.schema_migrations') is null then return; end if;
  execute $query$
    insert into supabase_migrations.schema_migrations (version, name) values
      ('20251110000001', 'create_tenants_table_and_backfill'),
      ('20251110000002', 'add_tenant_id_to_profiles'),
      ('20251110000003', 'add_tenant_id_to_tables'),
      ('20251110000004', 'update_rls_policies')
  $query$;
end
$$;
