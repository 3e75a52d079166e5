-- The tenants: one for each person to begin with, shared once colleagues are invited.
--
-- owner_id is not NOT NULL, as one might expect, and its foreign key clears it: an account can be deleted as before, and
-- the tenant with the data of its other members stays; and it follows an id that is changed. It is unique, so that no race and no second run gives anybody two.
create table public.tenants (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  type text not null default 'internal' check (type in (
    'lender', 'investor', 'amc', 'attorney', 'accountant', 'borrower', 'internal'
  )),
  owner_id uuid references public.profiles (id) on delete set null on update cascade,
  theme_settings jsonb default '{"primaryColor": "#3b82f6", "logo": null}'::jsonb,
  sla_settings jsonb default '{"standard_turnaround_days": 7, "rush_turnaround_days": 3}'::jsonb,
  settings jsonb default '{}'::jsonb,
  is_active boolean default true,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create unique index idx_tenants_owner on public.tenants (owner_id);

-- Users read their own tenant, and nothing more: whatever is granted by default, to whichever role, is taken back first.
do $$
-- locks: ACCESS EXCLUSIVE on tenants
declare
  other text;
begin
  for other in
    select distinct case grantee when 0 then 'public' else grantee::regrole::text end
    from pg_class cross join aclexplode(relacl)
    where pg_class.oid = 'public.tenants'::regclass and grantee <> relowner
  loop
    execute format('revoke all on public.tenants from %s', other);
  end loop;
end
$$;

grant select on public.tenants to authenticated;
grant all on public.tenants to service_role;

alter table public.tenants enable row level security;
