-- After the column it depends on. The helper sees the profile where a subquery would be subject to its policies.
create policy "Users can view their own tenant" on public.tenants for select
  using (id = (select public.current_tenant_id()) or owner_id = (select auth.uid()));
