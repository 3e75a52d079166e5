import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

/** A database of one's own on the test run's server, and ways to connect to it. */
export interface TestDatabase {
  name: string;
  /** PG* variables, as a program under test gets them. */
  env: Record<string, string>;
  /** The same as a DATABASE_URL. */
  url: string;
  /** A pool that `drop` ends. `max` connections, 10 unless told. */
  pool(options?: pg.PoolConfig): pg.Pool;
  /** A connected client that `drop` ends. */
  client(options?: pg.ClientConfig): Promise<pg.Client>;
  /** The same database as the server's superuser, when `env` is of somebody lesser. */
  superuser: pg.Pool;
  /** Ends all connections, whoever holds them, and removes the database. Call it in `afterAll`. */
  drop(): Promise<void>;
}

/** An empty database, connected to as the server's superuser. */
export async function freshDatabase(): Promise<TestDatabase> {
  const superuser = inject('postgres');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await asSuperuser(`create database ${name}`);
  return connections({ ...superuser, PGDATABASE: name });
}

/** Runs one statement in the server's own database, as its superuser. */
async function asSuperuser(sql: string): Promise<void> {
  const client = new pg.Client(connection(inject('postgres')));
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function connections(env: Record<string, string>): TestDatabase {
  const open: { end(): Promise<void> }[] = [];
  const name = env.PGDATABASE ?? '';
  const pool = (of: Record<string, string>, options?: pg.PoolConfig) => {
    const it = new pg.Pool({ ...connection(of), ...options });
    // `drop` may end a connection that lies idle in the pool: without a listener that would be an uncaught error.
    it.on('error', () => undefined);
    open.push(it);
    return it;
  };
  return {
    name,
    env,
    url: `postgresql://${env.PGUSER}:${env.PGPASSWORD}@${env.PGHOST}:${env.PGPORT}/${name}`,
    pool: (options) => pool(env, options),
    async client(options) {
      const it = new pg.Client({ ...connection(env), ...options });
      it.on('error', () => undefined);
      await it.connect();
      open.push(it);
      return it;
    },
    superuser: pool({ ...inject('postgres'), PGDATABASE: name }),
    async drop() {
      await Promise.all(open.map((each) => each.end()));
      await asSuperuser(`drop database if exists ${name} with (force)`);
    },
  };
}

const connection = (env: Record<string, string>): pg.ClientConfig => ({
  host: env.PGHOST ?? '',
  port: Number(env.PGPORT),
  user: env.PGUSER ?? '',
  password: env.PGPASSWORD ?? '',
  database: env.PGDATABASE ?? '',
});
