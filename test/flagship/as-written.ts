/** The plan's SQL, as written there: what the findings are about. Only the names of tables are filled in. */

export const CREATE_TENANTS = `
  CREATE TABLE IF NOT EXISTS public.tenants (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name TEXT NOT NULL,
    type TEXT NOT NULL DEFAULT 'internal',
    owner_id UUID REFERENCES public.profiles(id) NOT NULL
  );
  CREATE INDEX idx_tenants_owner ON public.tenants(owner_id);
  ALTER TABLE public.tenants ENABLE ROW LEVEL SECURITY;`;

export const TENANTS_POLICY = `
  CREATE POLICY "Users can view their own tenant"
    ON public.tenants FOR SELECT
    USING (
      id IN (SELECT tenant_id FROM public.profiles WHERE id = auth.uid())
      OR owner_id = auth.uid()
    );`;

export const TENANT_FOR_EVERYONE = `
  INSERT INTO public.tenants (name, type, owner_id)
  SELECT COALESCE(p.name || '''s Organization', 'Organization'), 'internal', p.id
  FROM public.profiles p
  WHERE NOT EXISTS (SELECT 1 FROM public.tenants WHERE owner_id = p.id)
  ON CONFLICT DO NOTHING;`;

export const addColumn = (table: string): string =>
  `ALTER TABLE public.${table} ADD COLUMN IF NOT EXISTS tenant_id UUID REFERENCES public.tenants(id);`;

export const FILL_PROFILES = `
  UPDATE public.profiles p SET tenant_id = t.id
  FROM public.tenants t WHERE t.owner_id = p.id AND p.tenant_id IS NULL;`;

export const fill = (table: string): string => `
  UPDATE public.${table} c SET tenant_id = p.tenant_id
  FROM public.profiles p WHERE c.org_id = p.id AND c.tenant_id IS NULL`;

export const POLICIES = `
  DROP POLICY IF EXISTS "Authenticated users can view clients" ON public.clients;
  CREATE POLICY "Users can view their clients" ON public.clients FOR SELECT
    USING (org_id = auth.uid() OR tenant_id IN (SELECT tenant_id FROM public.profiles WHERE id = auth.uid()));
  CREATE POLICY "Users can insert clients" ON public.clients FOR INSERT
    WITH CHECK (org_id = auth.uid() OR tenant_id IN (SELECT tenant_id FROM public.profiles WHERE id = auth.uid()));`;

export const ROLLBACK_POLICY = `
  DROP POLICY IF EXISTS "Users can view their clients" ON clients;
  CREATE POLICY "Authenticated users can view clients" ON clients FOR SELECT TO authenticated USING (true);`;

export const ACTIVE_TRANSACTIONS = `
  SELECT * FROM pg_stat_activity WHERE state = 'active' AND query NOT LIKE '%pg_stat_activity%'`;

/** Steps 2 to 4 for profiles and one table, in the order in which they can run at all. */
export const upTo = (table: string): string =>
  [CREATE_TENANTS, TENANT_FOR_EVERYONE, addColumn('profiles'), FILL_PROFILES, addColumn(table), `${fill(table)};`].join(
    '\n',
  );
