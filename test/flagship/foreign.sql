-- A legacy database as other teams have them: nothing in it is named, owned or ruled as the generated one is. Run by the
-- superuser of a fresh database that "postgres" owns.
create schema auth authorization supabase_auth_admin;
grant usage on schema auth to postgres, anon, authenticated, service_role;
set role supabase_auth_admin;
create table auth.users (id uuid primary key default gen_random_uuid(), email text unique, raw_user_meta_data jsonb default '{}');
grant select, delete, references on auth.users to postgres;
create function auth.jwt() returns jsonb language sql stable
  return nullif(current_setting('request.jwt.claims', true), '')::jsonb;
create function auth.uid() returns uuid language sql stable return (auth.jwt() ->> 'sub')::uuid;
create function auth.role() returns text language sql stable return auth.jwt() ->> 'role';
reset role;

grant all on schema public to postgres;
grant usage on schema public to anon, authenticated, service_role;
create schema crm authorization postgres;
grant usage on schema crm to anon, authenticated, service_role;
set role postgres;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema crm grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;

create type public."Stage" as enum ('lead', 'won');
create function public.touch() returns trigger language plpgsql as $$
begin
  new.updated_at := clock_timestamp();
  return new;
end
$$;

create domain public."Name" as varchar(40) check (value like 'Ü%');
create table public.profiles (
  id uuid references auth.users on delete cascade,
  "Full Name" public."Name",
  updated_at timestamptz default now(),
  owner boolean,
  primary key (id) include ("Full Name")
);
create trigger touch before update on public.profiles for each row execute function public.touch();
create table public.user_roles (user_id uuid, role text, primary key (user_id, role));
create function public.has_role(_user uuid, _role text) returns boolean language sql stable security definer set search_path = ''
  as $$ select exists (select from public.user_roles where user_id = _user and role = _role) $$;

-- A reserved word; a key by identity; a generated column; NULL and strangers for owners.
create table public."order" (
  id bigint generated always as identity primary key,
  org_id uuid,
  amount numeric(12, 2) not null check (amount >= 0),
  tax numeric generated always as (amount * 0.2) stored,
  updated_at timestamptz default now()
);
create trigger touch before update on public."order" for each row execute function public.touch();
-- An owner that must be there, by a foreign key; columns that are called what a statement may call the table.
create table public."user" (
  id serial primary key, owner uuid not null references public.profiles on delete cascade, email text unique,
  owned boolean default true, "each" text, after int
);
-- Mixed case.
create table public."Group" ("Id" uuid primary key default gen_random_uuid(), "Owner Id" uuid, "Stage" public."Stage", "select" text);
-- A key of two columns; row level security for its owner, too.
create table public.line_items (org_id uuid not null, code text not null, qty int not null, primary key (org_id, code));
-- No key at all, and rows that are alike.
create table public."Log entries" (org_id uuid, at timestamptz, payload jsonb, words text[], raw json);
-- Another schema, and a trigger that writes elsewhere.
create table crm.contacts (id uuid primary key default gen_random_uuid(), org_id uuid, name text);
create table crm.audit (op text);
create function crm.audit() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into crm.audit values (tg_op);
  return null;
end
$$;
create trigger audit after update on crm.contacts for each row execute function crm.audit();
create trigger z_min before update on crm.contacts for each row execute function suppress_redundant_updates_trigger();
-- The same name in the first schema.
create table public.contacts (id uuid primary key default gen_random_uuid(), org_id uuid, mail text);
-- Never had a row.
create table public.wishes (
  id uuid primary key default gen_random_uuid(), org_id uuid, wish varchar(3) not null, stage public."Stage" not null,
  in_order bigint not null references public."order", price numeric(5, 2) not null, granted bool not null, on_day date not null,
  words text[] not null, more jsonb not null, period int4range not null, serial serial, whole int not null generated always as (1) stored
);
-- Partitioned, one of the partitions into more; columns in another order, a trigger, an index and another schema of their own.
create table public."Events" (
  id uuid default gen_random_uuid(), created_at timestamptz not null default now(), org_id uuid, what text,
  primary key (id, created_at)
) partition by range (created_at);
create table public."Events_2023" partition of public."Events" for values from ('2023-01-01') to ('2024-01-01');
create table public."Events_2024" partition of public."Events" for values from ('2024-01-01') to ('2025-01-01')
  partition by hash (id);
create table public."Events_2024 even" partition of public."Events_2024" for values with (modulus 2, remainder 0);
create table public."Events_2024 odd" partition of public."Events_2024" for values with (modulus 2, remainder 1);
create table crm.events_2025 (what text, gone int, org_id uuid, created_at timestamptz not null default now(), id uuid not null default gen_random_uuid());
alter table crm.events_2025 drop column gone;
alter table public."Events" attach partition crm.events_2025 for values from ('2025-01-01') to ('2026-01-01');
create table public."Events_rest" partition of public."Events" default;
create index idx_of_its_own on crm.events_2025 (org_id);
create trigger audit after update on crm.events_2025 for each row execute function crm.audit();

do $$
declare
  each regclass;
begin
  for each in select oid from pg_class where relkind in ('r', 'p') and relnamespace in ('public'::regnamespace, 'crm'::regnamespace) loop
    execute format('alter table %s enable row level security', each);
  end loop;
end
$$;
alter table public.line_items force row level security;

create policy "me, myself" on public.profiles for select using (auth.uid() = id);
create policy "Bob's ""own"" row" on public.profiles for update using (auth.uid() = id) with check (auth.uid() = id);
create policy leave on public.profiles for delete using (auth.uid()::text = id::text);
create policy "everything mine" on public."order" for all to authenticated using (org_id = auth.uid()) with check (org_id = auth.uid());
create policy "admins all" on public."order" for all using (public.has_role(auth.uid(), 'admin'));
create policy "eigene ✓" on public."user" for all using (owner = auth.uid());
create policy "open" on public."Group" for select using (true);
create policy "signed in writes" on public."Group" for insert with check (auth.role() = 'authenticated');
create policy "mine" on public."Group" for update using ("Owner Id"::text = (select auth.uid()::text));
create policy "signed in" on public.line_items for select using (auth.role() = 'authenticated');
create policy "mine" on public.line_items for all using (org_id = auth.uid()) with check (org_id = auth.uid());
create policy "positive only" on public.line_items as restrictive for all using (qty < 1000) with check (qty < 1000);
comment on policy "positive only" on public.line_items is 'nobody''s business';
create policy p on public."Log entries" for all using (auth.uid() is not null and auth.uid() = org_id);
create policy "crm own" on crm.contacts for all to authenticated, anon using (org_id = (select auth.uid()));
create policy "own" on public.contacts for all to authenticated using (org_id = auth.uid());
create policy "events" on public."Events" for all using ((select auth.uid())::text = org_id::text);
create policy w on public.wishes for all using (org_id = auth.uid());

create view public.order_totals with (security_invoker = true) as
  select org_id, sum(amount) as total from public."order" group by org_id;
create view public.all_groups as select * from public."Group";
create function public.sum_mine() returns numeric language sql stable
  begin atomic select sum(amount) from public."order" where org_id = auth.uid(); end;

reset role;
-- All that is written anywhere is passed on, also where rows have no key.
alter table public."Log entries" replica identity full;
create publication everything for all tables;
insert into auth.users (id, email)
select ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'user' || n || '@example.com' from generate_series(1, 12) n;
set role postgres;
insert into public.profiles (id, "Full Name") select id, case when email like '%1%' then 'Ü''ser' end from auth.users;
insert into public.user_roles select id, 'admin' from public.profiles order by id limit 1;
create temp table person as select id, row_number() over (order by id) - 1 as n from public.profiles;
insert into public."order" (org_id, amount)
select case n % 20 when 0 then null when 1 then gen_random_uuid() else (select id from person where person.n = each.n % 12) end, n
from generate_series(1, 600) each (n);
insert into public."user" (owner, email) select id, 'c' || n from person;
insert into public."Group" ("Owner Id", "Stage", "select") select id, 'won', 's' from person, generate_series(1, 3);
insert into public.line_items select id, 'code ' || n, 1 + n from person;
insert into public."Log entries" select id, '2025-01-01', '{"a": 1}', '{a,b}', '{"\u0000": ["\ud800", "\\\u0000"]}' from person, generate_series(1, 2);
insert into crm.contacts (org_id, name) select id, 'k' from person, generate_series(1, 3);
insert into public.contacts (org_id, mail) select id, 'm' from person, generate_series(1, 2);
insert into public."Events" (created_at, org_id, what)
select '2023-06-01'::timestamptz + months * interval '4 months', id, 'e' from person, generate_series(0, 11) months;
drop table person;

-- A half-done earlier attempt, as the plan writes it: ids of no tenant, a tenant for some.
create table public.tenants (
  id uuid primary key default gen_random_uuid(), name text not null, type text not null default 'internal',
  owner_id uuid references public.profiles (id) not null
);
alter table public.profiles add column tenant_id uuid references public.tenants (id);
insert into public.tenants (name, owner_id) select 'T', id from public.profiles order by id limit 4;
update public.profiles set tenant_id = tenants.id from public.tenants where owner_id = profiles.id;
alter table public."order" add column tenant_id uuid;
update public."order" set tenant_id = gen_random_uuid() where id < 100;
create index idx_order_tenant on public."order" (tenant_id);
reset role;
create foreign data wrapper nothing;
create server elsewhere foreign data wrapper nothing;
grant usage on foreign server elsewhere to postgres;
update pg_index set indisvalid = false where indexrelid = 'public.idx_order_tenant'::regclass;
analyze;
