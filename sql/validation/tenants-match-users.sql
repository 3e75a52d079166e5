-- As many owned tenants as profiles: 0 when they match. Tenants whose owner's account is gone are counted beside it.
select count(owner_id) - (select count(*) from public.profiles) as difference,
       count(owner_id) as owned_tenants,
       count(*) - count(owner_id) as without_owner
from public.tenants;
