-- The four policies of a table whose rows have an owner. Additive: what the owner could do before, and beside it what a
-- member of the row's tenant can do. Both indexes can be used. The planner looks up auth.uid() for its estimates, so that
-- whoever owns a tenth of the table gets another plan than the owner of ten rows; current_tenant_id(), too dear to be asked
-- of each row, is a subquery that runs once a query. It comes first: where rows are held against the condition one by one, most
-- need no look at the claims then. A row that is written must carry the writer's own tenant or none: with
-- that of somebody else it would turn up among their rows.
-- psql: -v schema=public -v name=clients -v owner=org_id
create policy "Users and their tenant can view" on :"schema".:"name" for select
  using (tenant_id = (select public.current_tenant_id()) or :"owner" = auth.uid());

create policy "Users and their tenant can insert" on :"schema".:"name" for insert
  with check (
    (:"owner" = (select auth.uid()) or tenant_id = (select public.current_tenant_id()))
    and (tenant_id is null or tenant_id = (select public.current_tenant_id()))
  );

create policy "Users and their tenant can update" on :"schema".:"name" for update
  using (:"owner" = auth.uid() or tenant_id = (select public.current_tenant_id()))
  with check (
    (:"owner" = (select auth.uid()) or tenant_id = (select public.current_tenant_id()))
    and (tenant_id is null or tenant_id = (select public.current_tenant_id()))
  );

create policy "Users and their tenant can delete" on :"schema".:"name" for delete
  using (tenant_id = (select public.current_tenant_id()) or :"owner" = auth.uid());
