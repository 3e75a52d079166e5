import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { serverAccount } from './account.ts';
import { runnablePostgres } from './binaries.ts';
import { makeCluster, PostgresDidNotStart, SUPERUSER, serverEnvironment } from './cluster.ts';
import { mark } from './folder.ts';
import { readPostmaster } from './postmaster.ts';

/** A PostgreSQL that lives as long as the process that started it. */
export interface ThrowawayPostgres {
  port: number;
  pid: number;
  data: string;
  /** PG* variables that connect as the superuser. */
  env: Record<string, string>;
  /** A client connected as the superuser, for the caller to end. */
  connect(): Promise<pg.Client>;
  /** Ends every session, then the server. */
  stop(): Promise<void>;
}

export interface PostgresOptions {
  /** Made by `makeFolder`. */
  folder: string;
  /** Flush to disk as a real server does, for tests that crash it. */
  durable?: boolean;
  /** The folder with bin/ of another PostgreSQL than the one that comes with the installation. */
  binaries?: string | undefined;
}

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '128MB',
  max_wal_size: '2GB',
  max_prepared_transactions: '4',
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track': 'top',
  // More databases share it in a test run than usual, and a statement that was forgotten cannot be told of.
  'pg_stat_statements.max': '50000',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

const NOTHING_LASTS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/**
 * The server's parent: stops it (SIGINT: fast) when the pipe on its standard input closes. Ours to close, and the system
 * closes it for us however we die, so that no server is left behind. When the server ends by itself, so does this.
 */
const GUARDIAN = `
exec 3<&0
"$@" 3<&- & server=$!
{ cat <&3 >/dev/null; kill -INT "$server"; } & watch=$!
wait "$server"; status=$?
kill "$watch"; exit "$status"
`;

/**
 * Makes a cluster in the folder and starts it on a free port of 127.0.0.1. As root, the server runs as `nobody`.
 * @throws NoAccount, NoPostgres, PostgresDidNotStart
 */
export async function startPostgres(options: PostgresOptions): Promise<ThrowawayPostgres> {
  const { folder, durable = false } = options;
  const account = await serverAccount();
  const binaries = options.binaries ?? (await runnablePostgres(folder, account));
  const password = randomBytes(24).toString('base64url');
  const data = await makeCluster({ folder, binaries, account, password });
  const settings = { ...SETTINGS, ...(durable ? {} : NOTHING_LASTS) };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const logFile = join(folder, 'postgres.log');

  // A port found free may be taken by somebody else before the server gets it: then try another.
  for (let tries = 5; ; tries -= 1) {
    const port = await freePort();
    const log = await open(logFile, 'w', 0o600);
    const guardian = spawn(
      'sh',
      ['-c', GUARDIAN, 'guardian', join(binaries, 'bin/postgres'), '-D', data, '-p', String(port), ...args],
      {
        ...account,
        cwd: '/',
        env: serverEnvironment(),
        // A group of its own, so that Ctrl+C in the terminal is ours alone to answer.
        detached: true,
        stdio: ['pipe', log.fd, log.fd],
      },
    );
    const ended = once(guardian, 'exit').then(() => undefined);
    await log.close();
    const pid = await ready(data, port, guardian);
    if (pid === null) {
      guardian.stdin?.destroy();
      await ended;
      const said = await readFile(logFile, 'utf8');
      if (tries > 1 && /could not bind|could not create any TCP/.test(said)) continue;
      throw new PostgresDidNotStart('the server ended at once', said);
    }
    await mark(folder, { server: pid });
    return {
      port,
      pid,
      data,
      env: {
        PGHOST: '127.0.0.1',
        PGPORT: String(port),
        PGUSER: SUPERUSER,
        PGPASSWORD: password,
        PGDATABASE: 'postgres',
      },
      async connect() {
        const client = new pg.Client({ host: '127.0.0.1', port, user: SUPERUSER, password, database: 'postgres' });
        // The server may be stopped meanwhile; the query under way says so.
        client.on('error', () => undefined);
        await client.connect();
        return client;
      },
      stop: () => stop(guardian, ended),
    };
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** The server's pid once it takes connections; null when it ended instead. */
async function ready(data: string, port: number, guardian: ChildProcess): Promise<number | null> {
  while (guardian.exitCode === null && guardian.signalCode === null) {
    const running = await readPostmaster(data);
    if (running?.ready && running.port === port) return running.pid;
    await delay(10);
  }
  return null;
}

/** Fast shutdown; when sessions do not let go within ten seconds, SIGQUIT (immediate) and at last SIGKILL to the group. */
async function stop(guardian: ChildProcess, ended: Promise<undefined>): Promise<void> {
  guardian.stdin?.destroy();
  for (const signal of ['SIGQUIT', 'SIGKILL'] as const) {
    const patience = new AbortController();
    const late = delay(10_000, 'late', { signal: patience.signal }).catch(() => undefined);
    const outcome = await Promise.race([ended, late]);
    patience.abort();
    if (outcome !== 'late') return;
    if (guardian.pid !== undefined) process.kill(-guardian.pid, signal);
  }
  await ended;
}
