update :"schema".:"name" as it set tenant = owner.tenant
  from public.owner
 where it.ctid >= :'from_tid'::tid and it.ctid < :'to_tid'::tid and it.tenant is null and owner.id = it.owner;
