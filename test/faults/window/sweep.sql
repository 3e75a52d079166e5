delete from public.orders where tenant is null;
insert into public.happened values (:'step');
