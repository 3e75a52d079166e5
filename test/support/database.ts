import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { adoptDatabase, createLegacy } from '../../src/rehearsal/legacy.ts';

/** A database of one's own on the test run's server, and ways to connect to it. */
export interface TestDatabase extends AsyncDisposable {
  name: string;
  /** PG* variables, as a program under test gets them. */
  env: Record<string, string>;
  /** The same as a DATABASE_URL. */
  url: string;
  /** A pool that `drop` ends. */
  pool(options?: pg.PoolConfig): pg.Pool;
  /** A connected client that `drop` ends. */
  client(options?: pg.ClientConfig): Promise<pg.Client>;
  /** The same database as the server's superuser, where `env` is of somebody lesser. */
  superuser: pg.Pool;
  /** Ends all connections, whoever holds them, and removes the database. Call it in `afterAll`. */
  drop(): Promise<void>;
}

/** The password of every user of a legacy test database. */
export const PASSWORD = 'correct horse';

/** An empty database, connected to as the server's superuser. */
export async function freshDatabase(): Promise<TestDatabase> {
  const name = newName();
  await inServer((server) => server.query(`create database ${name}`));
  return connections({ ...inject('postgres'), PGDATABASE: name });
}

/**
 * The legacy application's database, connected to as the role a customer migrates with (`postgres`, no superuser).
 * @param rows how many orders; other tables in proportion. The first database of a size is made, the others are copies of it.
 */
export async function legacyDatabase({ rows = 2_000 }: { rows?: number } = {}): Promise<TestDatabase> {
  const name = newName();
  const template = `legacy_${rows}`;
  await inServer(async (server) => {
    // Test files run side by side: one makes the template, the others wait for it.
    await server.query('select pg_advisory_lock(hashtext($1))', [template]);
    const { rowCount } = await server.query('select from pg_database where datname = $1', [template]);
    if (rowCount === 0) {
      await server.query(`create database ${template}_unfinished`);
      await inServer((client) => createLegacy(client, { rows, password: PASSWORD }), `${template}_unfinished`);
      await server.query(`alter database ${template}_unfinished rename to ${template}`);
    }
    await server.query(`create database ${name} template ${template}`);
  });
  await inServer(adoptDatabase, name);
  const { user, password } = inject('logins').operator;
  return connections({ ...inject('postgres'), PGUSER: user, PGPASSWORD: password, PGDATABASE: name });
}

/** A database laid out by this SQL, which the superuser runs; connected to as the role a customer migrates with. */
export async function databaseOf(sql: string): Promise<TestDatabase> {
  const name = newName();
  await inServer((server) => server.query(`create database ${name}`));
  await inServer(adoptDatabase, name);
  await inServer((client) => client.query(sql), name);
  const { user, password } = inject('logins').operator;
  return connections({ ...inject('postgres'), PGUSER: user, PGPASSWORD: password, PGDATABASE: name });
}

const newName = () => `test_${randomBytes(6).toString('hex')}`;

/** Does something as the superuser, in the server's own database unless told. */
async function inServer(work: (client: pg.Client) => Promise<unknown>, database = 'postgres'): Promise<void> {
  const client = await clientOf({ ...inject('postgres'), PGDATABASE: database });
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function connections(env: Record<string, string>): TestDatabase {
  const open: { end(): Promise<void> }[] = [];
  const name = env.PGDATABASE ?? '';
  const pool = (of: Record<string, string>, options?: pg.PoolConfig) => {
    const it = poolOf(of, options);
    open.push(it);
    return it;
  };
  const drop = async () => {
    // Not waited for: what a failed test has not given back, the server ends.
    for (const each of open) each.end().catch(() => undefined);
    await inServer((server) => server.query(`drop database if exists ${name} with (force)`));
  };
  return {
    name,
    env,
    url: `postgresql://${env.PGUSER}:${env.PGPASSWORD}@${env.PGHOST}:${env.PGPORT}/${name}`,
    pool: (options) => pool(env, options),
    async client(options) {
      const it = await clientOf(env, options);
      open.push(it);
      return it;
    },
    superuser: pool({ ...inject('postgres'), PGDATABASE: name }),
    drop,
    [Symbol.asyncDispose]: drop,
  };
}

/**
 * A pool for whoever PG* variables name. Ended sessions are no uncaught errors: a test may have the server end them,
 * and a server that stops may be quicker than the pool, which does not wait for its sessions to close.
 */
export function poolOf(env: Record<string, string>, options?: pg.PoolConfig): pg.Pool {
  const it = new pg.Pool({ ...connection(env), ...options });
  it.on('error', () => undefined);
  it.on('connect', (client) => client.on('error', () => undefined));
  return it;
}

/** A connected client, likewise. Whoever asks for it ends it. */
export async function clientOf(env: Record<string, string>, options?: pg.ClientConfig): Promise<pg.Client> {
  const it = new pg.Client({ ...connection(env), ...options });
  it.on('error', () => undefined);
  await it.connect();
  return it;
}

const connection = (env: Record<string, string>): pg.ClientConfig => ({
  host: env.PGHOST ?? '',
  port: Number(env.PGPORT),
  user: env.PGUSER ?? '',
  password: env.PGPASSWORD ?? '',
  database: env.PGDATABASE ?? '',
});
