import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { journalOf, stateOf } from '../../src/cli/runs.ts';
import { openSqliteJournal } from '../../src/run/journal/sqlite.ts';
import { eventually } from '../support/eventually.ts';
import { decision, windowOf } from './window.ts';

const RUNBOOK = windowOf('small', [{ ...decision('well', 'Is all well?', 'yes-it-is'), who: ['qa'] }], {
  roles: {
    ops: { title: 'Operator', people: [{ name: 'Ada', mail: 'ada@example.com' }] },
    qa: { title: 'Quality', people: [{ name: 'Grace', mail: 'grace@example.com' }] },
  },
});

/** The window works on no database, so that none need be there. */
const NOWHERE = { PGHOST: '127.0.0.1', PGPORT: '1' };

/** Where the `script` of util-linux is, which gives a program a terminal of its own. */
const testOnLinux = test.runIf(process.platform === 'linux');

const opens = new Date().toISOString();
const name = `small-${opens.slice(0, 10)}`;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'middlewatch-test-'));
  await writeFile(join(folder, 'runbook.yaml'), RUNBOOK);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Without the wrapper `tsx`, so that it is the program itself that is killed. */
const PROGRAM = ['--import', 'tsx', 'src/cli/main.ts'];

/** The real program, with its runs in the test's folder. */
const runbook = (args: string[], { state = folder } = {}) =>
  execa(process.execPath, [...PROGRAM, ...args], {
    reject: false,
    stdin: 'ignore',
    env: { ...NOWHERE, XDG_STATE_HOME: state },
  });

const run = (...flags: string[]) =>
  runbook(['run', join(folder, 'runbook.yaml'), '--opens', opens, '--report', folder, '--plain', ...flags]);

const journalPath = () => journalOf(join(folder, 'middlewatch', 'runs', name));

async function state() {
  const journal = await openSqliteJournal(journalPath());
  try {
    return stateOf(await journal.read(0));
  } finally {
    await journal.close();
  }
}

/** A copy of the journal, in a run of its own, that somebody has been at. */
async function tampered(how: string, sql: string): Promise<string> {
  const copy = join(folder, how);
  await mkdir(copy, { recursive: true });
  const source = new DatabaseSync(journalPath());
  source.exec('pragma wal_checkpoint(truncate)');
  source.close();
  await copyFile(journalPath(), journalOf(copy));
  const database = new DatabaseSync(journalOf(copy));
  database.exec(sql);
  database.close();
  return copy;
}

test('without a run there is nothing to look at', async () => {
  const looks = [['status'], ['attach'], ['report'], ['journal', 'verify'], ['status', 'none']].map((args) =>
    runbook(args, { state: join(folder, 'nothing') }),
  );
  for (const { exitCode, stderr } of await Promise.all(looks)) {
    expect(stderr).toMatch(/^There is no run .*$/);
    expect(exitCode).toBe(2);
  }
});

test('where runs cannot be kept that is said, and of what to see to', { timeout: 60_000 }, async () => {
  const file = join(folder, 'runbook.yaml');
  const { exitCode, stderr } = await runbook(
    ['run', file, '--opens', opens, '--report', folder, '--plain', '--as', 'ops'],
    { state: file },
  );
  expect(stderr).toMatch(/^The folder of this run cannot be made: .*runbook\.yaml.* XDG_STATE_HOME says where/);
  expect(exitCode).toBe(2);
});

testOnLinux('a run loses its terminal, is answered from another one, and ends', { timeout: 120_000 }, async () => {
  const first = run('--as', 'ops');
  const asked = async () => {
    const seen = await state();
    expect(seen?.prompts).toHaveLength(1);
    return seen?.conductor?.pid ?? 0;
  };
  await vi.waitFor(asked, { timeout: 60_000, interval: 50 });
  // The conductor waits at the question without it.
  first.kill('SIGKILL');
  await first;

  const unclosed = join(folder, 'unclosed.yaml');
  await writeFile(unclosed, 'well: { choose: ');
  const [second, unnamed, unset, unread] = await Promise.all([
    run('--as', 'qa'),
    run(),
    run('--as', 'qa', '--set', 'pace=slow'),
    run('--as', 'qa', '--answers', unclosed),
  ]);
  expect(unnamed.stderr).toBe('error: say which role you have with --as: the roles of this runbook are ops, qa');
  expect(unset.stderr).toBe('error: --set pace: the settings of this runbook are none');
  expect(unread.stderr).toContain(`error: --answers ${unclosed} is not YAML: `);
  expect(unread.exitCode).toBe(2);
  expect(second.stderr).toMatch(/^This run is conducted by process \d+ on .* ago\. To see it/);
  expect(second.stderr).toContain(`\n  runbook attach ${name}\n`);
  expect(second.exitCode).toBe(1);

  const told = await runbook(['status', '--json']);
  expect(told.exitCode).toBe(0);
  const status = JSON.parse(told.stdout);
  expect(status).toMatchObject({ run: name, outcome: null, prompts: [{ prompt: { id: 'well' }, settled: null }] });
  expect(status.holder.pid).toBe(status.conductor.pid);

  const unknown = await runbook(['attach', '--as', 'nobody']);
  expect(unknown.stderr).toContain('the roles of this runbook are ops, qa');
  expect(unknown.exitCode).toBe(2);

  const attach = [process.execPath, ...PROGRAM, 'attach', name, '--as'].join(' ');
  const attached = (role: string) =>
    execa(
      'script',
      ['--quiet', '--flush', '--return', '--command', `stty rows 30 cols 100; exec ${attach} ${role}`, '/dev/null'],
      { reject: false, env: { ...NOWHERE, XDG_STATE_HOME: folder } },
    );
  const [ops, qa] = [attached('ops --plain'), attached('qa')];
  await vi.waitFor(async () => expect(Object.keys((await state())?.terminals ?? {})).toHaveLength(2), {
    timeout: 60_000,
    interval: 50,
  });
  const said = once(ops.stdout, 'data');
  ops.stdin.write('yes-it-is\n');
  await said;
  // On the screen, key by key.
  let seen = '';
  qa.stdout.on('data', (text: Buffer) => {
    seen += text.toString();
  });
  for (const [wanted, key] of [
    ['', '1'],
    ['›', '\r'],
    ['Who answers?', '\r'],
    ['Press Enter to put this on record', '\r'],
  ] as const) {
    await eventually(() => expect(seen).toContain(wanted));
    qa.stdin.write(key);
  }
  const [refused, answered] = await Promise.all([ops, qa]);
  expect(refused.stdout).toMatch(/This is for .* to answer, not for/);
  expect([refused.exitCode, answered.exitCode]).toEqual([0, 0]);
  const ended = await state();
  expect(ended?.outcome?.outcome).toBe('done');
  expect(ended?.prompts[0]?.settled?.by).toEqual({ role: 'qa', name: 'Grace' });
});

testOnLinux('the report is made of the journal alone: the same bytes again', async () => {
  const written = async () => await readFile(join(folder, name, 'report.json'), 'utf8');
  await eventually(written);
  const { stdout } = await runbook(['report', name, '--json']);
  expect(`${stdout}\n`).toBe(await written());
});

testOnLinux('a journal that somebody has been at is not gone on with, and what they did is named', async () => {
  const whole = await runbook(['journal', 'verify']);
  expect(whole.stdout).toMatch(
    /^\d+ records, each following from the one before it; head [0-9a-f]{64}\nSign-offs and approvals: none has counted\.$/,
  );
  expect(whole.exitCode).toBe(0);

  const copy = await tampered('changed', `update record set event = replace(event, 'Grace', 'Mabel') where seq = 1`);
  const looks = [['journal', 'verify'], ['status'], ['attach'], ['report']].map((args) => runbook([...args, copy]));
  for (const { exitCode, stdout, stderr } of await Promise.all(looks)) {
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/^Record 1 of the journal has been changed.*$/);
  }

  const { exitCode, stderr } = await runbook(['journal', 'verify', await tampered('emptied', 'delete from record')]);
  expect(stderr).toMatch(/^Record 1 of the journal is missing.*$/);
  expect(exitCode).toBe(1);
});

test('a file that is no journal is said to be none, and is left as it was', async () => {
  const nothing = join(folder, 'notes.sqlite');
  await writeFile(nothing, 'not a database, for certain');
  const { exitCode, stderr } = await runbook(['status', nothing]);
  expect(stderr).toMatch(/^The journal .*notes\.sqlite is damaged, or no journal at all\..*$/);
  expect(exitCode).toBe(1);
  expect(await readFile(nothing, 'utf8')).toBe('not a database, for certain');
  expect((await runbook(['status', folder])).exitCode).toBe(2);
  expect(existsSync(journalOf(folder))).toBe(false);
});
