-- What this server or this role cannot do, that a later step needs. No rows: everything is there.
-- psql: -v label=name
with needs (met, missing, because) as (
  values
    (not pg_is_in_recovery(),
     'a primary server', 'this one is a standby and takes no writes'),
    (current_setting('server_version_num')::int >= 150000,
     'PostgreSQL 15 or later', 'the steps were tried on 15 to 18'),
    (current_setting('session_replication_role') = 'origin',
     'triggers that fire', 'the role or the database sets session_replication_role: ALTER ROLE | DATABASE ... RESET it'),
    ((select rolsuper or rolbypassrls from pg_roles where rolname = current_user),
     'a role that bypasses row level security', 'current_tenant_id() reads profiles, whose policies call it: it would call itself without end'),
    (has_schema_privilege('public', 'create'),
     'CREATE on schema public', 'the tenants table and its functions are made there'),
    (to_regclass('public.profiles') is not null,
     'the table public.profiles', 'each profile gets a tenant'),
    (coalesce((select relpersistence = 'p' from pg_class where oid = to_regclass('public.profiles')), true),
     'public.profiles as a table that outlives a crash', 'it is UNLOGGED, and tenants cannot refer to it: ALTER TABLE ... SET LOGGED'),
    (exists (select from pg_index
             where indrelid = to_regclass('public.profiles') and indisunique and indimmediate and indisvalid
               and indpred is null and indexprs is null and indnkeyatts = 1
               and indkey[0] = (select attnum from pg_attribute where attrelid = indrelid and attname = 'id')),
     'a primary key or a unique index on id alone of public.profiles', 'tenants refer to their owner by it'),
    (to_regtype('public.tenants') is null or to_regclass('public.tenants') is not null,
     'the name public.tenants', 'a type has it, so no table can'),
    (coalesce((select indrelid = to_regclass('public.tenants') from pg_index where indexrelid = to_regclass('public.idx_tenants_owner')),
              to_regclass('public.idx_tenants_owner') is null),
     'the name public.idx_tenants_owner', 'something else has it, so the index of tenants cannot: give that another'),
    (exists (select from pg_attribute
             where attrelid = to_regclass('public.profiles') and attname = :'label'::text and not attisdropped),
     format('the column %I of public.profiles', :'label'::text), 'tenants are named after it; the runbook''s setting profile_label says which it is'),
    (exists (select from pg_proc
             where pronamespace = to_regnamespace('auth') and proname = 'uid' and pronargs = 0
               and prorettype = 'uuid'::regtype and has_schema_privilege(pronamespace, 'usage')),
     'a function auth.uid() that returns uuid', 'the policies ask it who is signed in'),
    ((select bool_and(has_schema_privilege(relnamespace, 'usage') and has_table_privilege(oid, 'select'))
      from pg_class where relnamespace = to_regnamespace('auth') and relname = 'users'),
     'SELECT on auth.users', 'the mails go to the addresses in it'),
    ((select coalesce(bool_and(has_schema_privilege(relnamespace, 'usage') and has_table_privilege(oid, 'insert')
                               and has_table_privilege(oid, 'select') and has_table_privilege(oid, 'delete')), true)
      from pg_class where relnamespace = to_regnamespace('supabase_migrations') and relname = 'schema_migrations'),
     'reading and writing supabase_migrations.schema_migrations', 'the migration is recorded there, and taken out by a rollback')
  union all
  select coalesce(pg_has_role(role.oid, 'member'), false),
         'membership of ' || needed.name, 'isolation is tried as that role'
  from (values ('anon'), ('authenticated'), ('service_role')) as needed (name)
  left join pg_roles as role on role.rolname = needed.name
)
select missing, because from needs where met is not true;
