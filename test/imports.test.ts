import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'middlewatch-test-'));
  const { vcs: _git, ...rules } = JSON.parse(await readFile('biome.json', 'utf8'));
  await writeFile(join(folder, 'biome.json'), JSON.stringify(rules));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What the project's lint says of a file at this path that imports this. */
async function lint(path: string, imported: string): Promise<string> {
  const file = join(folder, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `import { x } from '${imported}';\n\nconsole.log(x);\n`);
  const { all } = await execa('biome', ['lint', file], {
    cwd: folder,
    localDir: process.cwd(),
    preferLocal: true,
    reject: false,
    all: true,
  });
  expect(all).toContain('Checked 1 file');
  return all;
}

test.each([
  ['src/run/a.ts', '../ui/screen.tsx'],
  ['src/run/b.ts', '../postgres/connect.ts'],
  ['src/postgres/a.ts', '../run/fold.ts'],
  ['src/runbook/rules/a.ts', '../../run/fold.ts'],
  ['src/steps/a.ts', '../notify/mail.ts'],
  ['src/cli/a.ts', 'ink'],
])('lint refuses that %s imports %s', async (path, imported) => {
  expect(await lint(path, imported)).toContain('noRestrictedImports');
});

test.each([
  ['src/steps/c.ts', '../run/events.ts'],
  ['src/run/c.ts', '../runbook/plan.ts'],
  ['src/ui/c.tsx', 'ink'],
])('lint lets %s import %s', async (path, imported) => {
  expect(await lint(path, imported)).not.toContain('noRestrictedImports');
});
