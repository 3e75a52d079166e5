import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

/** An account of the operating system to run the server as. */
export interface Account {
  uid: number;
  gid: number;
}

/** PostgreSQL refuses to run as root, and there is no account to lend it. */
export class NoAccount extends Error {
  constructor(options: ErrorOptions) {
    super(
      'PostgreSQL does not run as root, and this system has no account "nobody" to run it as. Start as another user.',
      options,
    );
    this.name = 'NoAccount';
  }
}

/**
 * The account the server runs as: `nobody` when this process is root (no account is ever made), else our own.
 * @throws NoAccount
 */
export async function serverAccount(): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null;
  try {
    const [uid, gid] = await Promise.all(
      ['-u', '-g'].map(async (which) => Number((await promisify(execFile)('id', [which, 'nobody'])).stdout)),
    );
    return { uid: uid as number, gid: gid as number };
  } catch (cause) {
    throw new NoAccount({ cause });
  }
}

/** Whether any account may read this file, or enter this folder, and pass through every folder above it. */
export async function openToOthers(path: string): Promise<boolean> {
  const it = await stat(path);
  const needed = it.isDirectory() ? 0o1 : 0o4;
  if ((it.mode & needed) === 0) return false;
  return dirname(path) === path || openToOthers(dirname(path));
}
