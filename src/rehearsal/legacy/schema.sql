-- A software-as-a-service database for an appraisal office, as it stood before tenants: every row belongs to one user, by
-- org_id. Run by the superuser of a fresh database that "postgres" owns.

create schema extensions;
grant usage on schema extensions to postgres, anon, authenticated, service_role, supabase_auth_admin;
create extension pgcrypto schema extensions;
create extension "uuid-ossp" schema extensions;
create extension pg_stat_statements schema extensions;

-- Sign-in ---------------------------------------------------------------------------------------------------------------

create schema auth authorization supabase_auth_admin;
grant usage on schema auth to postgres, anon, authenticated, service_role;
set role supabase_auth_admin;

create table auth.users (
  id uuid primary key default gen_random_uuid(),
  email text unique,
  encrypted_password text,
  raw_user_meta_data jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
grant all on auth.users to postgres;

create function auth.jwt() returns jsonb language sql stable
  return nullif(current_setting('request.jwt.claims', true), '')::jsonb;
create function auth.uid() returns uuid language sql stable
  return (auth.jwt() ->> 'sub')::uuid;
create function auth.role() returns text language sql stable
  return auth.jwt() ->> 'role';

reset role;

-- The application -------------------------------------------------------------------------------------------------------

grant all on schema public to postgres;
grant usage on schema public to anon, authenticated, service_role;
set role postgres;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
alter default privileges in schema public grant all on functions to anon, authenticated, service_role;

create function public.set_updated_at() returns trigger language plpgsql as $$
begin
  new.updated_at := now();
  return new;
end
$$;

create table public.profiles (
  id uuid primary key references auth.users on delete cascade,
  name text,
  email text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table public.clients (
  id uuid primary key default gen_random_uuid(),
  org_id uuid,
  name text not null,
  email text,
  kind text not null default 'lender' check (kind in ('lender', 'investor', 'amc', 'attorney', 'accountant', 'borrower')),
  notes text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table public.properties (
  id uuid primary key default gen_random_uuid(),
  org_id uuid,
  street text not null,
  city text not null,
  postal_code text,
  built smallint check (built between 1600 and 2100),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table public.orders (
  id uuid primary key default gen_random_uuid(),
  org_id uuid,
  client_id uuid references public.clients on delete set null,
  property_id uuid references public.properties on delete set null,
  number bigint not null,
  status text not null default 'new' check (status in ('new', 'scheduled', 'inspected', 'delivered', 'cancelled')),
  fee_cents integer not null default 0 check (fee_cents >= 0),
  tax_cents integer not null default 0,
  total_cents integer generated always as (fee_cents + tax_cents) stored,
  due_on date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create sequence public.order_number owned by public.orders.number;
alter table public.orders alter column number set default nextval('public.order_number');
create index orders_client on public.orders (client_id);

create table public.contacts (
  id uuid primary key default gen_random_uuid(),
  org_id uuid,
  client_id uuid references public.clients on delete cascade,
  name text not null,
  phone text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index contacts_client on public.contacts (client_id);

create table public.activities (
  id uuid primary key default gen_random_uuid(),
  org_id uuid,
  order_id uuid references public.orders on delete cascade,
  kind text not null,
  detail jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index activities_order on public.activities (order_id);

create table public.deals (
  id uuid primary key default gen_random_uuid(),
  org_id uuid,
  client_id uuid references public.clients on delete set null,
  title text not null,
  stage text not null default 'lead',
  value numeric(12, 2),
  probability smallint check (probability between 0 and 100),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table public.cases (
  id uuid primary key default gen_random_uuid(),
  org_id uuid,
  order_id uuid references public.orders on delete set null,
  subject text not null,
  is_open boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table public.tags (
  id uuid primary key default gen_random_uuid(),
  org_id uuid,
  name text not null,
  color text not null default '#3b82f6',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (org_id, name)
);

create table public.tasks (
  id uuid primary key default gen_random_uuid(),
  org_id uuid,
  order_id uuid references public.orders on delete set null,
  title text not null,
  done boolean not null default false,
  due_on date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table public.goals (
  id uuid primary key default gen_random_uuid(),
  org_id uuid,
  title text not null,
  target integer not null check (target > 0),
  period daterange,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table public.agent_cards (
  id uuid primary key default gen_random_uuid(),
  org_id uuid,
  display_name text not null,
  card jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table public.chat_messages (
  id uuid primary key default gen_random_uuid(),
  org_id uuid,
  sender text not null check (sender in ('user', 'assistant')),
  body text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

do $$
declare
  name text;
begin
  foreach name in array array['clients', 'orders', 'properties', 'contacts', 'activities', 'deals', 'cases', 'tags', 'tasks',
                              'goals', 'agent_cards', 'chat_messages'] loop
    execute format('create index %I on public.%I (org_id)', name || '_org', name);
  end loop;
  -- What is only ever added to (activities, chat_messages) never got the trigger.
  foreach name in array array['profiles', 'clients', 'orders', 'properties', 'contacts', 'deals', 'cases', 'tags', 'tasks',
                              'goals', 'agent_cards'] loop
    execute format('create trigger set_updated_at before update on public.%I for each row execute function public.set_updated_at()',
                   name);
  end loop;
end
$$;

-- An audit trail, as somebody once needed it.
create schema private;
create table private.order_history (
  order_id uuid not null,
  was text,
  became text,
  changed_at timestamptz not null default now()
);
create function private.note_order_status() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if new.status is distinct from old.status then
    insert into private.order_history (order_id, was, became) values (new.id, old.status, new.status);
  end if;
  return null;
end
$$;
create trigger note_status after update on public.orders for each row execute function private.note_order_status();

-- Everybody who signs up gets a profile.
create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.profiles (id, name, email) values (new.id, new.raw_user_meta_data ->> 'name', new.email);
  return new;
end
$$;
create trigger on_auth_user_created after insert on auth.users for each row execute function public.handle_new_user();

-- A user may leave; what the user owned stays behind, for org_id never had a foreign key.
create function public.delete_account() returns void language sql security definer set search_path = '' as $$
  delete from auth.users where id = auth.uid();
$$;
revoke execute on function public.delete_account() from public, anon;

create table public.user_roles (
  user_id uuid not null references auth.users on delete cascade,
  role text not null,
  primary key (user_id, role)
);
create function public.has_role(who uuid, what text) returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select from public.user_roles where user_id = who and role = what);
$$;

create schema supabase_migrations;
create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
insert into supabase_migrations.schema_migrations (version, name)
values ('20240311090000', 'initial_schema'), ('20240702081500', 'user_roles'), ('20250118160200', 'order_history');

reset role;
