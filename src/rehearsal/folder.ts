import {
  access,
  chmod,
  constants,
  lstat,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { endProcess, isAlive, startedAt, thisProcess } from '../run/process.ts';
import { openToOthers } from './account.ts';
import { readPostmaster } from './postmaster.ts';

const PREFIX = 'middlewatch-rehearsal-';
const MARKER = 'rehearsal.json';

/** A process, told apart from another that got the same pid later. */
const someProcess = z.object({ pid: z.int().positive(), started: z.string() });

/** Whose folder this is and who works in it. Kept inside, so that a later rehearsal can tell whether it is needed. */
const marker = z.object({
  host: z.string(),
  owner: someProcess,
  server: someProcess.optional(),
  conductor: someProcess.optional(),
});
type Marker = z.infer<typeof marker>;

/** There is nowhere to put temporary files. */
export class NoTemporaryFolder extends Error {
  constructor(options: ErrorOptions) {
    super(
      `A rehearsal keeps its files in ${tmpdir()} while it lasts, which is no folder that can be written to. Set TMPDIR to one.`,
      options,
    );
    this.name = 'NoTemporaryFolder';
  }
}

/** Where the server keeps its data, inside a rehearsal's folder. */
export const dataDirectory = (folder: string): string => join(folder, 'data');

/**
 * Makes the folder that holds everything of one rehearsal, after clearing away what dead ones left. Other accounts may pass
 * through it when this process is root (the server is not), but never list it.
 * @param onLeft told in a sentence of each folder that could not be cleared away
 * @throws NoTemporaryFolder
 */
export async function makeFolder(onLeft: (what: string) => void = () => undefined): Promise<string> {
  const parent = await parentFolder();
  for (const left of await reap(parent)) onLeft(left);
  const folder = await mkdtemp(join(parent, PREFIX));
  await mark(folder);
  if (process.getuid?.() === 0) await chmod(folder, 0o711);
  return folder;
}

/** Where temporary files go; for root, somewhere an unprivileged server can reach. */
async function parentFolder(): Promise<string> {
  let usual: string;
  try {
    usual = await realpath(tmpdir());
    await access(join(usual, '.'), constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new NoTemporaryFolder({ cause });
  }
  return process.getuid?.() !== 0 || (await openToOthers(usual)) ? usual : realpath('/tmp');
}

/** Where pids mean the same as here: this host, and on Linux this pid namespace, so that no container reaps another's. */
async function pidSpace(): Promise<string> {
  return [hostname(), await readlink('/proc/self/ns/pid').catch(() => '')].join(' ');
}

/** Writes down that this process owns the folder, and the pids of those that work in it. */
export async function mark(folder: string, pids: { server?: number; conductor?: number } = {}): Promise<void> {
  const worker = (pid: number | undefined) => (pid === undefined ? undefined : { pid, started: startedAt(pid) ?? '' });
  const { server, conductor } = pids;
  const content: Marker = {
    host: await pidSpace(),
    owner: thisProcess(),
    server: worker(server),
    conductor: worker(conductor),
  };
  await writeMarker(folder, content);
}

async function writeMarker(folder: string, content: Marker): Promise<void> {
  const path = join(folder, MARKER);
  await writeFile(`${path}.part`, JSON.stringify(content), { mode: 0o600 });
  await rename(`${path}.part`, path);
}

/** Disowns the folder, so that no later rehearsal clears it away: it is the reader's now. */
export const keepFolder = (folder: string): Promise<void> => rm(join(folder, MARKER), { force: true });

/** Removes the folder with all that is in it, also while a process that is about to end still writes into it. */
export const removeFolder = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });

/**
 * Removes the folders of rehearsals that are gone without having cleaned up (kill -9, a lost machine), and ends the
 * conductors and servers they left. Looks only at folders this account made on this host.
 * @returns in a sentence each, what could not be removed, as where a disk is mounted; it is tried again the next time
 */
export async function reap(parent: string): Promise<string[]> {
  const here = await pidSpace();
  const remaining: string[] = [];
  for (const name of await readdir(parent)) {
    if (!name.startsWith(PREFIX)) continue;
    const folder = join(parent, name);
    const left = await readMarker(folder);
    if (left === null || left.host !== here || isAlive(left.owner)) continue;
    if (left.conductor) await endProcess(left.conductor, ['SIGTERM', 'SIGKILL']);
    await stopServer(folder, left);
    try {
      await rm(folder, { recursive: true, force: true });
    } catch (error) {
      await writeMarker(folder, left);
      remaining.push(
        `An earlier rehearsal's folder could not be removed: ${error instanceof Error ? error.message : error}`,
      );
    }
  }
  return remaining;
}

/** Null for a folder that is not ours, or not (or no longer) a whole one. */
async function readMarker(folder: string): Promise<Marker | null> {
  try {
    for (const path of [folder, join(folder, MARKER)]) {
      const it = await lstat(path);
      if (it.isSymbolicLink() || it.uid !== process.getuid?.()) return null;
    }
    return marker.parse(JSON.parse(await readFile(join(folder, MARKER), 'utf8')));
  } catch {
    return null;
  }
}

/** Stops a left-over server; only when pid, start time and data directory all say that it is the one of this folder. */
async function stopServer(folder: string, { server }: Marker): Promise<void> {
  const running = await readPostmaster(dataDirectory(folder));
  if (server === undefined || running?.pid !== server.pid || running.data !== dataDirectory(folder)) return;
  await endProcess(server, ['SIGQUIT', 'SIGKILL']);
}
