import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { execa } from 'execa';
import { SMTPServer } from 'smtp-server';
import { expect, onTestFinished, test, vi } from 'vitest';
import { databaseArchive } from '../../src/cli/database-archive.ts';
import { stateOf } from '../../src/cli/runs.ts';
import { startedAt } from '../../src/run/process.ts';
import { freshDatabase } from '../support/database.ts';
import { decision, windowOf } from './window.ts';

const PEOPLE = Array.from({ length: 20 }, (_, nth) => `person${nth}@example.com`);
const RUNBOOK = windowOf(
  'telling',
  [
    { id: 'tell', title: 'Tell everyone', kind: 'notify', messages: ['notice'] },
    decision('over', 'Is it over?', 'yes-it-is'),
  ],
  {
    audiences: { everyone: { addresses: PEOPLE } },
    mail: { from: 'Operations <ops@example.com>' },
    messages: { notice: { mail: 'everyone', subject: 'Maintenance', body: 'It begins.' } },
  },
);
/** The mails that the conductor has under way at once. */
const LANES = 4;
const SLOW = { timeout: 90_000, interval: 50 };

/** A mail server that takes so many mails and then leaves those it gets without an answer, until it is told to go on. */
async function slowServer(quickly: number) {
  const received: string[] = [];
  const waiting: (() => void)[] = [];
  let slow = true;
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData(stream, { envelope }, done) {
      stream.resume().on('end', () => {
        received.push(...envelope.rcptTo.map(({ address }) => address));
        if (slow && received.length > quickly) waiting.push(() => done());
        else done();
      });
    },
  });
  server.on('error', () => undefined);
  const listening = server.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const address = listening.address();
  return {
    url: `smtp://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    received,
    goOn() {
      slow = false;
      for (const answer of waiting.splice(0)) answer();
    },
  };
}

test('what could not be sent before a run had ended is sent when somebody says so, and nobody gets it twice', {
  timeout: 120_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'middlewatch-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'runbook.yaml'), RUNBOOK);
  await writeFile(join(folder, 'answers.yaml'), 'over: { choose: yes-it-is, as: ops }\n');
  const { url, received } = await slowServer(PEOPLE.length);
  const runbook = (SMTP_URL: string, ...args: string[]) =>
    execa('tsx', ['src/cli/main.ts', ...args], {
      preferLocal: true,
      reject: false,
      stdin: 'ignore',
      env: { XDG_STATE_HOME: folder, SMTP_URL },
    });
  const opens = new Date().toISOString();
  const flags = ['--opens', opens, '--report', folder, '--answers', join(folder, 'answers.yaml'), '--no-wait'];
  const nobody = 'smtp://127.0.0.1:1';
  const run = await runbook(nobody, 'run', join(folder, 'runbook.yaml'), ...flags);
  expect([run.exitCode, run.stdout]).toEqual([
    0,
    expect.stringMatching(/✗ Maintenance: .*ECONNREFUSED.*runbook notify send telling-/s),
  ]);
  // The machine whose conductor saw the end of the run is cut off before it gave the lease back.
  using journal = new DatabaseSync(
    join(folder, 'middlewatch', 'runs', run.stdout.match(/telling-[\d-]+/)?.[0] ?? '', 'journal.sqlite'),
  );
  journal.exec(`update lease set released = 0, host = 'bastion', started = 'once', renewed = 0`);
  const refused = await runbook(url, 'notify', 'send');
  expect([refused.exitCode, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/notify send telling-\S+ --take-over$/),
  ]);
  const sent = await runbook(url, 'notify', 'send', '--take-over');
  expect([sent.exitCode, sent.stdout]).toEqual([0, `mail to ${PEOPLE.length} recipients: Maintenance`]);
  expect((await runbook(url, 'notify', 'send')).stdout).toBe('Nothing is owed.');
  expect(received.toSorted()).toEqual(PEOPLE.toSorted());
});

test('a mailing that was half sent is gone on with from another machine, and nobody gets it twice', {
  timeout: 200_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'middlewatch-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await using target = await freshDatabase();
  await using journals = await freshDatabase();
  await writeFile(join(folder, 'runbook.yaml'), RUNBOOK);
  await writeFile(join(folder, 'answers.yaml'), 'over: { choose: yes-it-is, as: ops }\n');
  const { url, received, goOn } = await slowServer(6);
  const opens = new Date().toISOString();
  const run = (machine: string, ...flags: string[]) =>
    execa(
      'tsx',
      ['src/cli/main.ts', 'run', join(folder, 'runbook.yaml'), '--opens', opens, '--report', folder, ...flags],
      {
        preferLocal: true,
        reject: false,
        stdin: 'ignore',
        env: { ...target.env, XDG_STATE_HOME: join(folder, machine), RUNBOOK_JOURNAL: journals.url, SMTP_URL: url },
      },
    );
  const first = run('bastion', '--plain');
  await vi.waitFor(() => expect(received).toHaveLength(6 + LANES), SLOW);
  const journal = await databaseArchive(journals.url).open(undefined);
  onTestFinished(() => journal.close());
  const pid = stateOf(await journal.read(0))?.conductor?.pid ?? 0;
  process.kill(pid, 'SIGSTOP');
  try {
    await journals.superuser.query(
      `update middlewatch_journal.lease set renewed = renewed - interval '40 s', host = 'bastion'`,
    );
    goOn();
    const second = await run('laptop', '--take-over', '--plain', '--answers', join(folder, 'answers.yaml'));
    expect(second.exitCode, second.stdout).toBe(0);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await vi.waitFor(() => expect(startedAt(pid)).toBeNull(), SLOW);
  await first;
  expect(received.toSorted()).toEqual(PEOPLE.toSorted());
  const sent = (await journal.read(0)).flatMap(({ event }) => (event.type === 'message-sent' ? [event.detail] : []));
  expect(sent).toEqual([
    `${PEOPLE.length - LANES} reached, ${LANES} handed over with the outcome unknown, not sent again`,
  ]);
});
