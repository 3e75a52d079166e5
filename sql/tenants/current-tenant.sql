-- The tenant of whoever is signed in; NULL for nobody. Policies call it as (select public.current_tenant_id()), so that it
-- runs once a query and the index on tenant_id can be used. It reads profiles with its owner's rights: the policies of
-- profiles call it too, and would otherwise call themselves without end. In PL/pgSQL, which keeps its plan for the session.
-- Every role may call it, for the policies are asked for each: for a role of reports, say, or for a table's owner.
create function public.current_tenant_id() returns uuid
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  as $$
begin
  return (select tenant_id from public.profiles where id = auth.uid());
end
$$;

grant execute on function public.current_tenant_id() to public;
