import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, cp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type pg from 'pg';
import { serverAccount } from '../../src/rehearsal/account.ts';
import { giveTo, runnablePostgres } from '../../src/rehearsal/binaries.ts';
import { serverEnvironment } from '../../src/rehearsal/cluster.ts';
import type { ThrowawayPostgres } from '../../src/rehearsal/postgres.ts';
import { clientOf } from './database.ts';
import { eventually } from './eventually.ts';

/** A streaming replica of a throwaway server. Closed by `await using`. */
export interface Standby extends AsyncDisposable {
  /** A session on it, as the superuser. */
  client: pg.Client;
  stop(): Promise<void>;
}

/** Makes a replica from a copy of the server's files, as pg_basebackup would: that program is not among the binaries. */
export async function standbyOf(primary: ThrowawayPostgres, folder: string): Promise<Standby> {
  const account = await serverAccount();
  const binaries = process.env.TEST_POSTGRES ?? (await runnablePostgres(folder, account));
  const data = join(folder, 'standby');
  const client = await primary.connect();
  await client.query("select pg_backup_start('standby', true)");
  await cp(primary.data, data, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !path.endsWith('postmaster.pid'),
  });
  const { rows } = await client.query<{ label: string }>('select labelfile as label from pg_backup_stop(false)');
  // No less of these than the primary has, or the standby does not start.
  const { rows: needed } = await client.query<{ setting: string }>(
    `select format('%s=%s', name, setting) as setting from pg_settings
      where name in ('max_connections', 'max_worker_processes', 'max_wal_senders', 'max_prepared_transactions',
                     'max_locks_per_transaction')`,
  );
  await client.end();
  await writeFile(join(data, 'backup_label'), rows[0]?.label ?? '');
  await writeFile(join(data, 'standby.signal'), '');
  const { PGPORT, PGUSER, PGPASSWORD } = primary.env;
  await appendFile(
    join(data, 'postgresql.auto.conf'),
    `primary_conninfo = 'host=127.0.0.1 port=${PGPORT} user=${PGUSER} password=${PGPASSWORD} application_name=reader'\n`,
  );
  await promisify(execFile)('chmod', ['-R', 'u=rwX,go=', data]);
  if (account !== null) await giveTo(account, data);
  const port = await freePort();
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'fsync=off',
    ...needed.map(({ setting }) => setting),
  ];
  const server = spawn(
    join(binaries, 'bin/postgres'),
    ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    { ...account, cwd: '/', env: serverEnvironment(), stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(server, 'exit');
  const reader = await eventually(() =>
    clientOf({ ...primary.env, PGPORT: String(port) }).catch((cause) => {
      throw new Error(`The standby does not let anybody in: ${said}`, { cause });
    }),
  );
  const stop = async () => {
    await reader.end();
    server.kill('SIGINT');
    await ended;
  };
  return {
    client: reader,
    stop,
    async [Symbol.asyncDispose]() {
      if (server.exitCode === null && server.signalCode === null) await stop();
      await rm(data, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
