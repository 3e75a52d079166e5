import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import pg, { type ClientBase, type ClientConfig, type Pool } from 'pg';
import { type Coordinates, coordinates, type Environment, whereabouts } from './coordinates.ts';
import { adviceFor, ConnectionFailed, connectionLost, sqlState, WrongTarget } from './errors.ts';
import { filedPassword } from './filed-passwords.ts';

/** Supabase's transaction pooler. It forgets SET and advisory locks between transactions. */
const TRANSACTION_POOLER_PORT = 6543;

/**
 * A connection on which nothing has come for so long is asked whether it still is one, in ms. Otherwise a line that was cut
 * while a long statement was at work shows after two hours, and firewalls forget one that is silent (after 350 s, some).
 */
const KEPT_ALIVE = 240_000;

type Tls = NonNullable<ClientConfig['ssl']>;

/** The ways to try, in order, for libpq's sslmode. */
function tls({ host, sslmode, sslrootcert }: Coordinates): Tls[] {
  const ca = sslrootcert === undefined ? {} : { ca: certificate(sslrootcert) };
  if (host.startsWith('/') || sslmode === 'disable') return [false];
  switch (sslmode) {
    case 'allow':
      return [false, { rejectUnauthorized: false }];
    case 'require':
      return [
        sslrootcert === undefined ? { rejectUnauthorized: false } : { ...ca, checkServerIdentity: () => undefined },
      ];
    case 'verify-ca':
      return [{ ...ca, checkServerIdentity: () => undefined }];
    case 'verify-full':
      return [{ ...ca }];
    case 'prefer':
      return [{ rejectUnauthorized: false }, false];
  }
}

/**
 * Whether the server may let us in by the next way: it has no TLS, or refuses this one (pg_hba.conf says 28000, a pooler
 * that wants TLS 08P01). After a wrong password libpq goes on as well; we do not, and say so.
 */
function wantsAnotherWay(error: unknown): boolean {
  const withoutTls = error instanceof Error && error.message.includes('does not support SSL');
  return withoutTls || ['28000', '08P01'].includes(sqlState(error) ?? '');
}

function certificate(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ConnectionFailed(
      `The root certificate ${path} cannot be read.`,
      'Correct PGSSLROOTCERT or sslrootcert.',
      {
        cause,
      },
    );
  }
}

export interface PoolOptions {
  application: string;
  /** Connections at a time. */
  max: number;
  /** How long a query may go without its answer, in ms, before it is taken for lost. */
  queryTimeout?: number;
  /** Looks at each connection before it is used; what it throws is thrown to whoever wanted one. */
  onConnect?(client: ClientBase): Promise<void>;
}

/**
 * Opens connections to the target that the environment names (DATABASE_URL, PGSERVICE or PG*), and makes the first one, which
 * shows whether there are transactions; of more than one, the first two show whether a transaction pooler stands in between.
 * @throws ConnectionFailed, WrongTarget
 */
export async function openPool(env: Environment, options: PoolOptions): Promise<Pool> {
  const at = coordinates(env);
  if (at.port === TRANSACTION_POOLER_PORT) throw transactionPooler(at, 'port 6543');
  let refusal: unknown;
  for (const ssl of tls(at)) {
    const sockets = new Set<Socket>();
    const pool = new pg.Pool({
      host: at.host,
      port: at.port,
      user: at.user,
      database: at.database,
      password: () => passwordFor(at, env),
      ssl,
      max: options.max,
      ...(options.queryTimeout === undefined ? {} : { query_timeout: options.queryTimeout }),
      // PostgreSQL keeps 63 bytes of it.
      application_name: options.application.slice(0, 63),
      keepAlive: true,
      keepAliveInitialDelayMillis: KEPT_ALIVE,
      connectionTimeoutMillis: 10_000,
      idleTimeoutMillis: 60_000,
      stream: () => {
        const socket = new Socket();
        sockets.add(socket);
        return socket.once('close', () => sockets.delete(socket));
      },
      onConnect: async (client) => {
        await makeOurs(client);
        await options.onConnect?.(client);
      },
    });
    // A broken connection is reported by the query that needed it; without listeners it would end the process.
    pool.on('error', () => {});
    pool.on('connect', (client) => client.on('error', () => {}));
    try {
      if (await refusesTransactions(pool)) refusal = statementPooler(at);
      else if (options.max === 1 || !(await changesServers(pool))) return pool;
      else refusal = transactionPooler(at, 'one server process answered to two connections, or two to one');
      await pool.end();
      break;
    } catch (error) {
      refusal = error;
      await pool.end();
      // Where a password is wanted and there is none, the driver forgets the connection, and the server waits for a minute.
      for (const socket of sockets) socket.destroy();
      if (!wantsAnotherWay(error)) break;
    }
  }
  throw refusal instanceof WrongTarget || refusal instanceof ConnectionFailed ? refusal : refused(at, refusal);
}

/**
 * The password for a server that wants one. Not left to the driver, which would take PGPASSWORD of this process whatever
 * environment is meant: that of the target is not for the server of the journals.
 * @throws ConnectionFailed
 */
function passwordFor(at: Coordinates, env: Environment): string {
  const password = at.password ?? filedPassword(at, env);
  if (password !== undefined) return password;
  throw new ConnectionFailed(`${whereabouts(at)} wants a password.`, 'Give it in PGPASSWORD or ~/.pgpass.');
}

/** What a session of ours goes by, whatever the role's or the database's own settings say; not every version has each. */
const OURS: Record<string, string> = {
  // Nothing ends a transaction for having been long, and each statement sees what is committed.
  transaction_timeout: '0',
  idle_session_timeout: '0',
  default_transaction_isolation: 'read committed',
  // Statements mean, and the catalog and the policies answer, what they do by default.
  standard_conforming_strings: 'on',
  quote_all_identifiers: 'off',
  row_security: 'on',
  xmloption: 'content',
};

/**
 * Makes a session fit for long work: the server ends what it is doing for us when this process is gone (PostgreSQL 14,
 * where the system can tell), and its settings are ours.
 */
async function makeOurs(client: ClientBase): Promise<void> {
  await client.query("set client_connection_check_interval = '2s'").catch((error: unknown) => {
    if (connectionLost(error)) throw error;
  });
  await client.query(
    `select set_config(name, value, false)
       from pg_catalog.pg_settings join json_each_text($1) as ours (name, value) using (name)`,
    [JSON.stringify(OURS)],
  );
}

function transactionPooler(at: Coordinates, sign: string): WrongTarget {
  return new WrongTarget(
    `${whereabouts(at)} is a transaction pooler (${sign}): it loses settings and locks between statements.`,
    NO_POOLER,
  );
}

function statementPooler(at: Coordinates): WrongTarget {
  return new WrongTarget(
    `${whereabouts(at)} is a pooler in statement mode (it refuses BEGIN): there are no transactions to be had.`,
    NO_POOLER,
  );
}

const NO_POOLER = 'Connect directly or in session mode (port 5432).';

/** Whether BEGIN is refused, as PgBouncer in statement mode does, which then ends the connection; no server does so. */
async function refusesTransactions(pool: Pool): Promise<boolean> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query('rollback');
  } catch (error) {
    client.release(true);
    if (sqlState(error) === '08P01') return true;
    throw error;
  }
  client.release();
  return false;
}

/**
 * Whether server processes are handed from connection to connection between transactions: while another connection holds
 * one in a transaction, ours is answered by its own as before, or else by whichever is free.
 */
async function changesServers(pool: Pool): Promise<boolean> {
  const [ours, other] = [await pool.connect(), await pool.connect()];
  const answering = async (client: ClientBase) =>
    (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid;
  try {
    const before = await answering(ours);
    await other.query('begin');
    return before === (await answering(other)) || before !== (await answering(ours));
  } finally {
    await other.query('rollback').catch(() => undefined);
    for (const client of [ours, other]) client.release();
  }
}

function refused(at: Coordinates, cause: unknown): ConnectionFailed {
  const where = whereabouts(at);
  const message = cause instanceof Error && cause.message !== '' ? cause.message : String(codeOf(cause));
  switch (sqlState(cause)) {
    case '28P01':
    case '28000':
      return new ConnectionFailed(
        `${where} does not let ${at.user} in: ${message}.`,
        'Check PGUSER and the password (PGPASSWORD or ~/.pgpass).',
        { cause },
      );
    case '3D000':
      return new ConnectionFailed(`${where}: there is no such database.`, 'Check PGDATABASE.', { cause });
    default:
      return new ConnectionFailed(
        `${where} cannot be reached: ${message}.`,
        adviceFor(sqlState(cause)) ??
          'Check PGHOST, PGPORT and PGSSLMODE, and that the server is up and lets this machine in.',
        { cause },
      );
  }
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : cause;
}
