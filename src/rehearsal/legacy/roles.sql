-- The roles of a Supabase project; they belong to the server, not to one database. The server's superuser, supabase_admin,
-- is the hosting side's; customers get "postgres", which is none. Passwords are set by the caller.
create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;

-- What the application connects as: nobody in itself, anybody by SET ROLE.
create role authenticator login noinherit;
grant anon, authenticated, service_role to authenticator;
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';

-- The sign-in service.
create role supabase_auth_admin login noinherit createrole;
alter role supabase_auth_admin set search_path = auth;

create role postgres login createrole createdb replication bypassrls;
grant anon, authenticated, service_role, pg_monitor, pg_read_all_data, pg_signal_backend to postgres;
