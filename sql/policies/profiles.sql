-- The two policies of profiles. Colleagues see each other; each updates their own profile only, and stays in the tenant
-- they are in.
-- psql: -v schema=public -v name=profiles -v owner=id
create policy "Users and their tenant can view" on :"schema".:"name" for select
  using (:"owner" = (select auth.uid()) or tenant_id = (select public.current_tenant_id()));

create policy "Users can update their own" on :"schema".:"name" for update
  using (:"owner" = (select auth.uid()))
  with check (
    :"owner" = (select auth.uid())
    and tenant_id is not distinct from (select public.current_tenant_id())
  );
