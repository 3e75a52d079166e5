import { execFile } from 'node:child_process';
import { chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Account } from './account.ts';
import { dataDirectory } from './folder.ts';

/** The throwaway server did not come up. */
export class PostgresDidNotStart extends Error {
  constructor(what: string, log: string, options?: ErrorOptions) {
    super(
      `The throwaway PostgreSQL did not start: ${what}. Its log ends:\n${log.trim().split('\n').slice(-8).join('\n')}`,
      options,
    );
    this.name = 'PostgresDidNotStart';
  }
}

/** Like the hosting side's on Supabase, whose customers get a lesser `postgres`. */
export const SUPERUSER = 'supabase_admin';

/** Only what the server needs: nothing of PG*, LC_* or our secrets. */
export const serverEnvironment = () => ({ PATH: process.env.PATH ?? '/usr/bin:/bin', TZ: 'UTC', LC_ALL: 'C' });

export interface ClusterOptions {
  folder: string;
  binaries: string;
  account: Account | null;
  password: string;
}

/**
 * Makes an empty cluster in the folder, owned by `account`.
 * @returns the data directory
 * @throws PostgresDidNotStart
 */
export async function makeCluster({ folder, binaries, account, password }: ClusterOptions): Promise<string> {
  const data = dataDirectory(folder);
  const passwordFile = join(folder, 'superuser-password');
  await mkdir(data, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (account !== null) for (const path of [data, passwordFile]) await chown(path, account.uid, account.gid);
  try {
    await promisify(execFile)(
      join(binaries, 'bin/initdb'),
      [
        ...[`--pgdata=${data}`, `--username=${SUPERUSER}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'],
        ...['--encoding=UTF8', '--locale=C', '--no-sync', '--no-instructions'],
        // A locale of PostgreSQL's own, the same on every system, where it has one.
        ...((await majorVersion(binaries)) < 17 ? [] : ['--locale-provider=builtin', '--builtin-locale=C.UTF-8']),
      ],
      { ...account, cwd: '/', env: serverEnvironment() },
    );
  } catch (cause) {
    throw new PostgresDidNotStart('initdb failed', String((cause as { stderr?: unknown }).stderr ?? cause), { cause });
  } finally {
    await rm(passwordFile);
  }
  return data;
}

async function majorVersion(binaries: string): Promise<number> {
  const { stdout } = await promisify(execFile)(join(binaries, 'bin/postgres'), ['--version']);
  return Number(/\d+/.exec(stdout)?.[0]);
}
