alter table public.orders drop tenant;
alter table public.notes drop tenant;
alter table public."Big Table" drop tenant;
