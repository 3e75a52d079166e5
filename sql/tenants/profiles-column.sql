-- A plain column: its foreign key comes after the backfill, where it costs one check of the whole instead of one a row.
alter table public.profiles add column tenant_id uuid;
