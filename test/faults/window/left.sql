select count(*) from public.orders where tenant is null;
