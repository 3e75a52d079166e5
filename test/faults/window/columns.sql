alter table public.orders add tenant int;
alter table public.notes add tenant int;
alter table public."Big Table" add tenant int;
insert into public.happened values (:'step');
