import type pg from 'pg';
import { onePass, TENANTS } from './backfill.ts';
import type { Bench, Copy } from './database.ts';
import { beforeBackfill } from './migration.ts';
import { median, type Row, timed } from './result.ts';

/** How often a user's read is repeated for one median. */
const READS = 50;
/** The plan's form is slower by three orders of magnitude. */
const SLOW_READS = 3;

/** The plan's policy of orders, beside the legacy ones as the plan leaves them. */
const PLANS_POLICY = `
  create policy "Users can view own orders in their tenant" on public.orders for select
    using (org_id = auth.uid() or tenant_id in (select tenant_id from public.profiles where id = auth.uid()));`;

/** A user's own orders, as the application asks for them: the median of many, in ms. */
async function read(pool: pg.Pool, times: number): Promise<number> {
  const client = await pool.connect();
  try {
    const { rows } = await client.query<{ id: string }>(
      'select org_id as id from public.orders where org_id in (select id from public.profiles) limit 1',
    );
    await client.query('begin');
    await client.query('set local role authenticated');
    await client.query("select set_config('request.jwt.claims', $1, true)", [
      JSON.stringify({ sub: rows[0]?.id, role: 'authenticated' }),
    ]);
    const took: number[] = [];
    for (let i = 0; i < times; i += 1) {
      took.push(await timed(() => client.query('select * from public.orders order by created_at desc limit 50')));
    }
    await client.query('rollback');
    return median(took);
  } finally {
    client.release();
  }
}

async function migrated(on: Copy): Promise<void> {
  const flagship = await beforeBackfill(on, { tables: ['orders'], workers: 2, pace: 'full' });
  await flagship.perform('profiles-validate', 'profiles-index', 'row-triggers', 'add-column', 'backfill-tables');
  await flagship.perform('constraint', 'validate', 'indexes');
  await flagship.perform('replace-policies');
  await flagship.close();
}

/** A user's read before the migration, after ours, and after the plan's. */
export async function readRows(bench: Bench, orders: number): Promise<Row[]> {
  const copy = await bench.copy(orders, { only: 'orders' });
  const before = await read(copy.pool, READS);
  await migrated(copy);
  await copy.pool.query('vacuum analyze public.orders');
  const after = await read(copy.pool, READS);
  await copy.drop();
  const other = await bench.copy(orders, { only: 'orders' });
  await other.pool.query(TENANTS);
  await onePass(other.pool);
  await other.pool.query(PLANS_POLICY);
  await other.pool.query('vacuum analyze public.orders');
  const plan = await read(other.pool, SLOW_READS);
  await other.drop();
  return [
    {
      name: `a user’s read at ${orders} rows, after against before`,
      ours: after,
      against: before,
      unit: 'ms',
      ratio: after / before,
      target: 'under 2×, or 1 ms',
      met: after < Math.max(2 * before, 1),
    },
    {
      name: 'the same, against the plan’s policies',
      ours: after,
      against: plan,
      unit: 'ms',
      ratio: plan / after,
      target: 'reported',
      met: null,
    },
  ];
}
