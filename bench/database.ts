import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import pg from 'pg';
import { makeFolder } from '../src/rehearsal/folder.ts';
import { adoptDatabase, createLegacy, createRoles, type Logins } from '../src/rehearsal/legacy.ts';
import { startPostgres, type ThrowawayPostgres } from '../src/rehearsal/postgres.ts';

/** More orders than this are copies of these, where there are only orders: all that hangs on them would take an hour. */
const MOST_GENERATED = 1_000_000;

const MULTIPLY = `
  insert into public.orders (org_id, client_id, property_id, status, fee_cents, tax_cents, due_on, created_at, updated_at)
  select org_id, client_id, property_id, status, fee_cents, tax_cents, due_on, created_at, updated_at
    from public.orders, generate_series(1, $1::int)`;

/** A legacy database to measure on, as a role like a customer's sees it. */
export interface Copy {
  env: Record<string, string>;
  pool: pg.Pool;
  drop(): Promise<void>;
}

/** One durable server for a whole benchmark, and legacy databases on it. */
export interface Bench extends AsyncDisposable {
  server: ThrowawayPostgres;
  /** Generates the legacy databases of these sizes, so that no measurement waits for it, or comes right after. */
  prepare(sizes: number[], options?: { only?: 'orders' }): Promise<void>;
  /** A fresh copy of the legacy database with so many orders; each size is generated once. */
  copy(orders: number, options?: { only?: 'orders' }): Promise<Copy>;
}

export async function openBench(): Promise<Bench> {
  const folder = await makeFolder();
  const server = await startPostgres({ folder, durable: true });
  const superuser = await server.connect();
  const logins = await createRoles(superuser);
  const templates = new Set<string>();

  async function template(orders: number, only: 'orders' | undefined): Promise<string> {
    const name = `legacy_${orders}${only ? '_only' : ''}`;
    if (templates.has(name)) return name;
    await superuser.query(`create database ${name}`);
    const client = new pg.Client(config({ ...server.env, PGDATABASE: name }));
    await client.connect();
    const generated = only ? Math.min(orders, MOST_GENERATED) : orders;
    await createLegacy(client, { rows: generated, password: randomBytes(8).toString('hex') });
    if (only) {
      await client.query('truncate activities, cases, tasks, chat_messages, deals, contacts, tags, goals, agent_cards');
      if (orders > generated) await client.query(MULTIPLY, [Math.round(orders / generated) - 1]);
      await client.query('vacuum full analyze');
    }
    await client.end();
    templates.add(name);
    return name;
  }

  return {
    server,
    async prepare(sizes, { only } = {}) {
      for (const orders of sizes) await template(orders, only);
    },
    async copy(orders, { only } = {}) {
      const from = await template(orders, only);
      const name = `bench_${randomBytes(6).toString('hex')}`;
      await superuser.query(`create database ${name} template ${from} strategy file_copy`);
      const own = new pg.Client(config({ ...server.env, PGDATABASE: name }));
      await own.connect();
      await adoptDatabase(own);
      await own.end();
      // What one way left dirty is not for the next to write.
      await superuser.query('checkpoint');
      const env = operator(server, logins, name);
      const pool = new pg.Pool({ ...config(env), max: 8, options: '-c statement_timeout=0' });
      // Sessions still on their way out when the database is dropped are cut off.
      pool.on('error', () => undefined);
      return {
        env,
        pool,
        async drop() {
          await pool.end();
          await superuser.query(`drop database ${name} with (force)`);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      await superuser.end();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function operator(server: ThrowawayPostgres, { operator }: Logins, database: string): Record<string, string> {
  return { ...server.env, PGUSER: operator.user, PGPASSWORD: operator.password, PGDATABASE: database };
}

const config = (env: Record<string, string>): pg.ClientConfig => ({
  host: env.PGHOST ?? '',
  port: Number(env.PGPORT),
  user: env.PGUSER ?? '',
  password: env.PGPASSWORD ?? '',
  database: env.PGDATABASE ?? '',
});
