-- A batch that is repeated would find no row to fill. So each puts down its blocks, and in which pass it went through them.
with noted as (
  insert into public.batch
  select :'name', max(pass), int8range((:'from_tid'::point)[0]::int8, (:'to_tid'::point)[0]::int8)
    from middlewatch.cursor where part = '"public"."' || :'name' || '"')
update :"schema".:"name" as it set tenant = owner.tenant
  from public.owner
 where it.ctid >= :'from_tid'::tid and it.ctid < :'to_tid'::tid and it.tenant is null and owner.id = it.owner;
