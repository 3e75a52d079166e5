import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { troubleOf } from '../../src/cli/trouble.ts';
import type { Report } from '../../src/report/report.ts';
import { parseRunbook, readSources } from '../../src/runbook/sources.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'middlewatch-test-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A person's production, which a rehearsal has nothing to do with. */
const PRODUCTION = {
  PGHOST: 'production.invalid',
  PGSSLMODE: 'verify-full',
  PGOPTIONS: '-c default_transaction_read_only=on',
  DATABASE_URL: 'postgres://production.invalid/postgres',
  SMTP_URL: 'smtp://production.invalid',
};

/** The real program, in a pipe. */
const rehearse = (name: string, ...flags: string[]) =>
  execa('tsx', ['src/cli/main.ts', 'rehearse', '--rows', '400', '--report', join(folder, name), ...flags], {
    preferLocal: true,
    reject: false,
    stdin: 'ignore',
    env: PRODUCTION,
  });

async function reportOf(name: string): Promise<Report> {
  return JSON.parse(await readFile(join(folder, name, 'multi-tenant-migration-rehearsal', 'report.json'), 'utf8'));
}
const said = (report: Report) => report.messages.map(({ message }) => message.message);
const stepOf = (report: Report, id: string) =>
  report.activities.flatMap(({ steps }) => steps).find((step) => step.id === id);

test('a rehearsal in a pipe goes through the whole window, past failures tried again or accepted, and exits 0', {
  timeout: 240_000,
}, async () => {
  const troubles = ['add-column=retry', 'backfill-tables=retry', 'quarantine=retry', 'app-after=accept'];
  const { exitCode, stdout } = await rehearse('done', ...troubles.flatMap((each) => ['--fail', each]));
  expect(stdout).toContain('the run is done');
  expect(stdout).toContain('quarantine did not fail');
  expect(exitCode).toBe(0);
  const report = await reportOf('done');
  expect(report.outcome).toMatchObject({ outcome: 'done' });
  expect(report.failures).toHaveLength(12 + 1 + 1);
  expect(stepOf(report, 'add-column.chat_messages')).toMatchObject({ status: 'done', attempts: 2 });
  expect(stepOf(report, 'app-after')).toMatchObject({ status: 'accepted' });
  expect(report.exceptions).toContainEqual({ step: 'app-after', says: expect.stringMatching(/^accepted: /) });
  expect(report.criteria.find(({ id }) => id === 'features-work')).toMatchObject({ verdict: 'met-with-exceptions' });
  // Whoever signs all the same says why.
  const signed = report.asked.find(({ id }) => id === 'sign-validation');
  expect(signed).toMatchObject({ proposal: 'fail', answers: [{ choose: 'pass', reason: expect.anything() }] });
});

test('a failure answered with roll-back ends rolled back, with exit code 4, and nobody hears of a success', {
  timeout: 240_000,
}, async () => {
  const { exitCode, stdout } = await rehearse(
    'back',
    '--fail',
    'rows-after=roll-back',
    '--fail',
    'app-as-before=retry',
  );
  expect(stdout).toContain('the run is rolled back');
  expect(exitCode).toBe(4);
  const report = await reportOf('back');
  expect(stepOf(report, 'catalog-as-before')).toMatchObject({ status: 'done' });
  expect(stepOf(report, 'app-as-before')).toMatchObject({ status: 'done', attempts: 2 });
  expect(report.rollback?.undone[0]?.step).toBe('rows-after');
  expect(report.rollback?.undone.at(-1)?.step).toBe('rows-before');
  const approval = report.asked.find(({ kind }) => kind === 'rollback')?.answers[0];
  expect(approval?.by.name).not.toBe(report.rollback?.by?.name);
  expect(said(report)).toEqual(expect.arrayContaining(['rolled-back-mail', 'rolled-back-status']));
  expect(said(report)).not.toContain('success-mail');
});

test('a failure answered with abort ends the run there, with exit code 1; without a choice it waits, with 3', {
  timeout: 240_000,
}, async () => {
  const [aborted, waits] = await Promise.all([
    rehearse('off', '--fail', 'backup-verified=abort'),
    rehearse('open', '--fail', 'backup-verified'),
  ]);
  expect([aborted.exitCode, waits.exitCode]).toEqual([1, 3]);
  const report = await reportOf('off');
  expect(report.outcome).toMatchObject({ outcome: 'aborted' });
  expect(said(report)).toEqual(expect.arrayContaining(['cancelled-mail', 'cancelled-status']));
});

test.each([
  ['--fail', 'backfil-tables=retry', "did you mean 'backfill-tables'?"],
  ['--rows', 'many', 'many'],
])('%s %s is refused with exit code 2, before anything is started', async (flag, value, why) => {
  const { exitCode, stdout, stderr } = await rehearse('none', flag, value);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(why);
  expect(stdout).toBe('');
});

test('--fail takes the choices that a step will offer, of one step or of all that a list makes of it', async () => {
  const runbook = parseRunbook(await readSources('runbook.yaml'));
  const refused = (text: string): string => {
    try {
      const { steps, choose } = troubleOf(runbook, text, (why) => {
        throw new Error(why);
      });
      return `${steps.length} ${choose}`;
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(refused('samples=roll-back')).toBe('12 roll-back');
  expect(refused('samples.clients')).toBe('1 undefined');
  expect(refused('samples.client=retry')).toMatch(/no step called samples\.client; did you mean 'samples\.clients'/);
  expect(refused('backfill-tables=rollback')).toMatch(/retry, roll-back, abort; did you mean 'roll-back'/);
  // Before anything is done there is no way back, and within a rollback none either.
  expect(refused('backup-exists=roll-back')).toMatch(/choose retry, abort$/);
  expect(refused('app-as-before=roll-back')).toMatch(/choose retry, abort$/);
});
