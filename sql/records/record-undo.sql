do $$
begin
  if to_regclass('supabase_migrations.schema_migrations') is null then return; end if;
  execute $query$
    delete from supabase_migrations.schema_migrations
    where version in ('20251110000001', '20251110000002', '20251110000003', '20251110000004')
  $query$;
end
$$;
