import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Report } from '../../src/report/report.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'middlewatch-test-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The real program, in a pipe. */
const rehearse = (name: string, ...flags: string[]) =>
  execa('tsx', ['src/cli/main.ts', 'rehearse', '--rows', '2000', '--report', join(folder, name), ...flags], {
    preferLocal: true,
    reject: false,
    stdin: 'ignore',
  });

async function reportOf(name: string): Promise<Report> {
  return JSON.parse(await readFile(join(folder, name, 'multi-tenant-migration-rehearsal', 'report.json'), 'utf8'));
}

test('a rehearsal in a pipe goes through the whole window and exits 0', { timeout: 120_000 }, async () => {
  const { exitCode, stdout } = await rehearse('done');
  expect(stdout).toContain('the run is done');
  expect(exitCode).toBe(0);
  const report = await reportOf('done');
  expect(report.outcome).toMatchObject({ outcome: 'done' });
});

test('a failure answered with roll-back ends rolled back, with exit code 4', { timeout: 120_000 }, async () => {
  const { exitCode, stdout } = await rehearse('back', '--fail', 'backfill-tables=roll-back');
  expect(stdout).toContain('the run is rolled back');
  expect(exitCode).toBe(4);
});

test('a failure answered with retry is no obstacle', { timeout: 120_000 }, async () => {
  const { exitCode } = await rehearse('again', '--fail', 'backfill-tables=retry');
  expect(exitCode).toBe(0);
});

test.each([
  ['--fail', 'no-such-step'],
  ['--fail', 'backfill-tables=no-such-choice'],
  ['--rows', 'many'],
])('%s %s is refused with exit code 2', async (flag, value) => {
  const { exitCode, stderr } = await rehearse('none', flag, value);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(value);
});
