import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { open, readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { serverAccount } from '../../src/rehearsal/account.ts';
import { runnablePostgres } from '../../src/rehearsal/binaries.ts';
import { makeCluster, SUPERUSER, serverEnvironment } from '../../src/rehearsal/cluster.ts';
import { readPostmaster } from '../../src/rehearsal/postmaster.ts';

/** What has been committed survives the server's being killed, as on a real one; the machine itself does not fail here. */
const SETTINGS = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=300',
  'fsync=off',
  'shared_buffers=64MB',
];

/** A PostgreSQL to be killed and started again, at the same place with the same files. Stopped by `await using`. */
export interface Server extends AsyncDisposable {
  /** PG* variables of its superuser. */
  env: Record<string, string>;
  /** Kills every process of it at once (SIGKILL), and waits until they are gone. */
  kill(): Promise<void>;
  /** Starts it, and waits until it lets people in. */
  start(): Promise<void>;
  /** A connected client, for the caller to end. */
  connect(database?: string): Promise<pg.Client>;
}

/** @param folder of its own, that exists */
export async function openServer(folder: string): Promise<Server> {
  const account = await serverAccount();
  const binaries = process.env.TEST_POSTGRES ?? (await runnablePostgres(folder, account));
  const password = randomBytes(12).toString('hex');
  const data = await makeCluster({ folder, binaries, account, password });
  const port = await freePort();
  const env = {
    PGHOST: '127.0.0.1',
    PGPORT: String(port),
    PGUSER: SUPERUSER,
    PGPASSWORD: password,
    PGDATABASE: 'postgres',
  };
  let running: ChildProcess | null = null;

  const server: Server = {
    env,
    async start() {
      const log = await open(join(folder, 'postgres.log'), 'a');
      const it = spawn(
        join(binaries, 'bin/postgres'),
        ['-D', data, '-p', String(port), ...SETTINGS.flatMap((setting) => ['-c', setting])],
        { ...account, cwd: '/', env: serverEnvironment(), stdio: ['ignore', log.fd, log.fd] },
      );
      await log.close();
      running = it;
      while (!(await readPostmaster(data))?.ready || (await readPostmaster(data))?.pid !== it.pid) {
        if (it.exitCode !== null) throw new Error(await readFile(join(folder, 'postgres.log'), 'utf8'));
        await delay(5);
      }
    },
    async kill() {
      const it = running;
      if (it?.pid === undefined) return;
      const ended = once(it, 'exit');
      it.kill('SIGSTOP');
      const children = await childrenOf(it.pid);
      for (const pid of [...children, it.pid]) process.kill(pid, 'SIGKILL');
      await ended;
      while ((await Promise.all(children.map(alive))).includes(true)) await delay(2);
      running = null;
    },
    async connect(database = 'postgres') {
      const client = new pg.Client({ host: '127.0.0.1', port, user: SUPERUSER, password, database });
      client.on('error', () => undefined);
      await client.connect();
      return client;
    },
    async [Symbol.asyncDispose]() {
      if (running === null) return;
      const ended = once(running, 'exit');
      running.kill('SIGQUIT');
      await ended;
    },
  };
  await server.start();
  return server;
}

/** From /proc, by the parent each process names. */
async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')));
  return pids.flatMap((pid, i) => {
    const fields = stats[i]?.slice(stats[i].lastIndexOf(')') + 2).split(' ') ?? [];
    return Number(fields[1]) === parent ? [Number(pid)] : [];
  });
}

const alive = (pid: number) =>
  readFile(`/proc/${pid}/stat`, 'utf8').then(
    (stat) => !/\) [ZX] /.test(stat),
    () => false,
  );

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
