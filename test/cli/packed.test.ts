import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** Where it is installed, and an empty folder to use it from. */
let installed: string;
let elsewhere: string;
let runbook: string;
beforeAll(async () => {
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'middlewatch-packed-'));
  installed = join(folder, 'node_modules', 'middlewatch');
  elsewhere = join(folder, 'elsewhere');
  runbook = join(installed, 'bin', 'runbook.js');
  await mkdir(installed, { recursive: true });
  await mkdir(elsewhere);
  await execa('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: ROOT });
  const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  await execa('tar', ['-xzf', join(folder, tarball), '--strip-components=1', '-C', installed]);
  // In the place of an installation from the network.
  await symlink(join(ROOT, 'node_modules'), join(installed, 'node_modules'));
  return () => rm(folder, { recursive: true, force: true });
}, 120_000);

test('what is packed is the program, its runbook and its documents, and nothing else', async () => {
  const names = await readdir(installed);
  expect(names.sort()).toEqual([
    'LICENSE',
    'README.md',
    'bin',
    'dist',
    'docs',
    'node_modules',
    'package.json',
    'runbook.schema.json',
    'runbook.yaml',
    'sql',
  ]);
  const built = await readdir(join(installed, 'dist'), { recursive: true, withFileTypes: true });
  const kinds = new Set(built.filter((each) => each.isFile()).map(({ name }) => name.slice(name.lastIndexOf('.'))));
  expect([...kinds].sort()).toEqual(['.js', '.sql']);
});

test('installed elsewhere, it works on the runbook that comes with it', { timeout: 60_000 }, async () => {
  const use = (...args: string[]) => execa(process.execPath, [runbook, ...args], { cwd: elsewhere });
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  expect((await use('--version')).stdout).toBe(version);
  const flagship = join(installed, 'runbook.yaml');
  expect((await use('check', flagship)).stdout).toContain(`${flagship} is in order`);
});

/** The line that is all an old Node gets to see, and its exit code. */
async function refusal(node: string, ...flags: string[]) {
  const { exitCode, stdout, stderr } = await execa(node, [...flags, runbook, 'check'], {
    cwd: elsewhere,
    reject: false,
  });
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  return stderr;
}

test('a Node that says it is old is told so in one line', async () => {
  const old = 'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } })';
  expect(await refusal(process.execPath, '--import', `data:text/javascript,${encodeURIComponent(old)}`)).toBe(
    'runbook needs Node 24 or newer; this is Node 20.20.2.',
  );
});

// Whether an old Node can even read the file, only an old Node can tell.
const beyond = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
const said = await execa('sh', ['-c', 'command -v node && node --version'], {
  env: { PATH: beyond.join(delimiter) },
  reject: false,
});
const [hostNode = '', hostVersion = ''] = said.stdout.split('\nv');

test.runIf(Number.parseInt(hostVersion, 10) < 24)('so is the old Node of this machine', async () => {
  expect(await refusal(hostNode)).toBe(`runbook needs Node 24 or newer; this is Node ${hostVersion}.`);
});
