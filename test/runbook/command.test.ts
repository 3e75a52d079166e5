import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runbook } from './document.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runbook-'));
  await writeFile(join(folder, 'good.yaml'), runbook());
  await writeFile(join(folder, 'bad.yaml'), runbook({ head: 'runbook: 1\nid: "\\e[2J"\ntitle: Small\nsumary: Small' }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The real program, in a folder of its own. */
const main = join(import.meta.dirname, '../../src/cli/main.ts');
const run = (...args: string[]) =>
  execa(process.execPath, ['--import', import.meta.resolve('tsx'), main, ...args], { cwd: folder, reject: false });

test('check says that a runbook is in order on stdout, and what is wrong on stderr, with exit code 2', async () => {
  const [good, bad, none] = await Promise.all([run('check', 'good.yaml'), run('check', 'bad.yaml'), run('check')]);
  expect(good).toMatchObject({ exitCode: 0, stderr: '' });
  expect(good.stdout).toContain('good.yaml is in order: Small');
  expect(bad).toMatchObject({ exitCode: 2, stdout: '' });
  expect(bad.stderr.split('\n')).toEqual([
    "bad.yaml:2:5: id: '^[[2J' is not an id; use small letters, digits and dashes, starting with a letter",
    "bad.yaml:4:1: 'sumary' is not known here; did you mean 'summary'?",
    '',
    '2 problems; nothing was run.',
  ]);
  expect(none).toMatchObject({ exitCode: 2, stdout: '' });
  expect(none.stderr).toContain('runbook.yaml:1:1: does not exist');
});

test('plan takes another opening, and refuses what is no moment as a wrong argument', async () => {
  const [plan, wrong] = await Promise.all([
    run('plan', 'good.yaml', '--opens', '2026-01-01T12:00:00+01:00'),
    run('plan', 'good.yaml', '--opens', 'tomorrow'),
  ]);
  expect(plan.stdout).toMatch(/^Thu 01 Jan 11:00 +1h +Developer +First$/m);
  expect(wrong.exitCode).toBe(2);
  expect(wrong.stderr).toContain('write it with its offset');
});
