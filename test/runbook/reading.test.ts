import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RunbookInvalid } from '../../src/runbook/problems.ts';
import { parseRunbook, readSources } from '../../src/runbook/sources.ts';
import { runbook } from './document.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runbook-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Messages about a runbook that lies in a folder of this name, without their places. */
async function problems(path: string): Promise<string[]> {
  const failed = await readSources(path).then(parseRunbook, (error: unknown) => error);
  return failed instanceof RunbookInvalid ? failed.problems.map(({ message }) => message) : [];
}

async function write(name: string, files: string[]): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, runbook({ steps: `- { id: s, kind: sql, title: S, files: ${JSON.stringify(files)} }` }));
  return path;
}

test('a file that cannot be part of a runbook is named, with the reason; the others are read', async () => {
  await mkdir(join(folder, 'sql/dir.sql'), { recursive: true });
  await mkdir(join(folder, 'elsewhere'));
  await writeFile(join(folder, 'sql/good.sql'), '\ufeffselect 1;\r\nselect 2;');
  await writeFile(join(folder, 'sql/latin.sql'), Buffer.from([0x73, 0xe9, 0x73]));
  await writeFile(join(folder, 'sql/zero.sql'), 'select 1;\0');
  await writeFile(join(folder, 'sql/huge.sql'), '-'.repeat(1_048_577));
  await symlink(join(folder, 'sql/good.sql'), join(folder, 'sql/link.sql'));
  await symlink('/etc', join(folder, 'sql/etc'));
  await execa('mkfifo', [join(folder, 'sql/pipe.sql')]);
  const names = ['good', 'dir', 'latin', 'zero', 'huge', 'link', 'pipe', 'gone'].map((name) => `sql/${name}.sql`);
  expect(
    await problems(
      await write('files.yaml', [...names, 'sql/etc/hostname', '../x.sql', 'sql/../../x.sql', '/etc/hostname']),
    ),
  ).toEqual([
    'sql/dir.sql is a directory',
    'sql/latin.sql is not UTF-8 text',
    'sql/zero.sql holds a zero byte; it is not text',
    'sql/huge.sql has 1048577 bytes; at most 1048576 are read',
    'sql/link.sql is a symbolic link; name the file itself',
    'sql/pipe.sql is not a regular file',
    'sql/gone.sql does not exist',
    "sql/etc/hostname lies outside the runbook's folder",
    "../x.sql lies outside the runbook's folder",
    "sql/../../x.sql lies outside the runbook's folder",
    "/etc/hostname lies outside the runbook's folder",
  ]);
});

test('files are pinned by the hash of their text, and read once', async () => {
  const sources = await readSources(await write('good.yaml', ['sql/good.sql', 'sql/good.sql']));
  expect(Object.keys(sources.files)).toEqual(['sql/good.sql']);
  expect(sources.files['sql/good.sql']?.text).toBe('select 1;\r\nselect 2;');
  expect(sources.files['sql/good.sql']?.hash).toMatch(/^[0-9a-f]{64}$/);
  expect(parseRunbook(sources).activities.map(({ id }) => id)).toEqual(['first', 'rollback']);
});

test('a runbook that is not there, is a folder or is too large is one problem', async () => {
  expect(await problems(join(folder, 'none.yaml'))).toEqual(['does not exist']);
  expect(await problems(folder)).toEqual(['is a directory']);
  await writeFile(join(folder, 'huge.yaml'), '#'.repeat(1_048_577));
  expect(await problems(join(folder, 'huge.yaml'))).toEqual(['has 1048577 bytes; at most 1048576 are read']);
});

test('unreadable files do not hide what else is wrong', async () => {
  const path = join(folder, 'both.yaml');
  await writeFile(
    path,
    runbook({
      roles: 'roles: { qa: { title: QA, people: [{ name: Kim }] } }',
      steps: '- { id: s, kind: sql, title: S, files: [gone.sql] }',
    }),
  );
  expect(await problems(path)).toEqual(["there is no role 'dev'", 'gone.sql does not exist']);
});
