-- Takes out what record.sql has entered, and nothing else.
do $$
-- locks: ROW EXCLUSIVE on supabase_migrations.schema_migrations
begin
  if to_regclass('middlewatch.recorded') is null then return; end if;
  delete from supabase_migrations.schema_migrations where version in (select version from middlewatch.recorded);
  drop table middlewatch.recorded;
end
$$;
