import type pg from 'pg';
import type { Bench, Copy } from './database.ts';
import { beforeBackfill } from './migration.ts';
import { median, type Row, timed } from './result.ts';

/** What every other way of filling the table begins with: each profile has its tenant already. */
export const TENANTS = `
  create table public.tenants (id uuid primary key default gen_random_uuid(), owner_id uuid unique);
  insert into public.tenants (owner_id) select id from public.profiles;
  alter table public.profiles add column tenant_id uuid references public.tenants (id);
  update public.profiles as p set tenant_id = t.id from public.tenants as t where t.owner_id = p.id;
  analyze public.profiles, public.tenants;`;

const CONSTRAINT = `
  alter table public.orders add constraint tenant_id_fkey foreign key (tenant_id) references public.tenants (id) not valid;
  alter table public.orders validate constraint tenant_id_fkey;`;

/** The flagship's own steps, from the column to the validated foreign key. */
async function ours(on: Copy): Promise<number> {
  const flagship = await beforeBackfill(on, { tables: ['orders'], workers: 2, pace: 'full' });
  const ms = await timed(() =>
    flagship.perform('row-triggers', 'add-column', 'backfill-tables', 'constraint', 'validate'),
  );
  await flagship.close();
  return ms;
}

/** As the plan has it: the column with its reference, then one UPDATE. */
export async function onePass(pool: pg.Pool): Promise<void> {
  await pool.query('alter table public.orders add column tenant_id uuid references public.tenants (id)');
  await pool.query(
    'update public.orders as o set tenant_id = p.tenant_id from public.profiles as p where p.id = o.org_id and o.tenant_id is null',
  );
}

async function plan({ pool }: Copy): Promise<number> {
  await pool.query(TENANTS);
  return await timed(() => onePass(pool));
}

/** The usual tool's way: a thousand rows at a time along the primary key. */
async function keyset({ pool }: Copy): Promise<number> {
  await pool.query(TENANTS);
  return await timed(async () => {
    await pool.query('alter table public.orders add column tenant_id uuid');
    for (let after: string | null = '00000000-0000-0000-0000-000000000000'; after !== null; ) {
      const { rows }: pg.QueryResult<{ last: string | null }> = await pool.query({
        name: 'batch',
        text: `with batch as (select id from public.orders where id > $1 order by id limit 1000),
                    filled as (update public.orders as o set tenant_id = p.tenant_id
                                 from batch, public.profiles as p where o.id = batch.id and p.id = o.org_id)
               select (select id from batch order by id desc limit 1) as last`,
        values: [after],
      });
      after = rows[0]?.last ?? null;
    }
    await pool.query(CONSTRAINT);
  });
}

/** The floor, with nobody else at the table: a new one in its place. */
async function rewrite({ pool }: Copy): Promise<number> {
  await pool.query(TENANTS);
  return await timed(() =>
    pool.query(`
      create table public.orders_new as
        select o.*, p.tenant_id from public.orders as o left join public.profiles as p on p.id = o.org_id;
      alter table public.orders_new add primary key (id);
      create index on public.orders_new (client_id);
      alter table public.orders_new add foreign key (client_id) references public.clients on delete set null;
      alter table public.orders_new add foreign key (property_id) references public.properties on delete set null;
      alter table public.orders_new add constraint tenant_id_fkey foreign key (tenant_id) references public.tenants (id);`),
  );
}

const WAYS = { ours, plan, keyset, rewrite };

/** The same table filled in four ways, in turn. @param turns of each */
export async function backfillRows(bench: Bench, orders: number, turns: number): Promise<Row[]> {
  const took: Record<keyof typeof WAYS, number[]> = { ours: [], plan: [], keyset: [], rewrite: [] };
  for (let turn = 0; turn < turns; turn += 1) {
    for (const way of ['ours', 'plan', 'keyset', 'rewrite'] as const) {
      const copy = await bench.copy(orders, { only: 'orders' });
      took[way].push(await WAYS[way](copy));
      await copy.drop();
    }
  }
  const seconds = (way: keyof typeof WAYS) => median(took[way]) / 1_000;
  const row = (name: string, against: keyof typeof WAYS, target: number | null): Row => {
    const ratio = seconds(against) / seconds('ours');
    return {
      name: `${name}, ${orders} rows`,
      ours: seconds('ours'),
      against: seconds(against),
      unit: 's',
      ratio,
      target: target === null ? 'reported' : `${target}× faster`,
      met: target === null ? null : ratio >= target,
    };
  };
  return [
    row('backfill with a validated foreign key, against the plan’s form', 'plan', 2),
    row('the same, against keyset batches of 1,000', 'keyset', 2),
    row('the same, against a rewrite of the table', 'rewrite', null),
  ];
}
