import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { Deliveries } from '../../src/notify/deliveries.ts';
import { openOutbox } from '../../src/notify/outbox.ts';
import type { OutgoingMessage } from '../../src/run/events.ts';
import { type Lease, LeaseLost } from '../../src/run/journal/journal.ts';
import { openSqliteJournal } from '../../src/run/journal/sqlite.ts';
import { makeSqliteJournal } from '../../src/run/journal/sqlite-file.ts';
import { after, at, night } from './story.ts';

const MESSAGE: OutgoingMessage = {
  id: 'owed:tell:notice',
  message: 'notice',
  channel: 'mail',
  audience: 'everyone',
  subject: 'Maintenance Complete ✅',
  body: 'All systems operational.\n\nLearn more: https://docs.example',
  dueAt: at('02:00'),
};

interface Received {
  to: string[];
  mail: ParsedMail;
}

/** What the server answers to a recipient, or at the end of the message: an SMTP code and words; undefined takes it. */
type Answer = (address: string) => [code: number, words: string] | undefined;
const refusal = (answer: [number, string] | undefined) =>
  answer ? Object.assign(new Error(answer[1]), { responseCode: answer[0] }) : null;

/** A real SMTP server; `answers` may be changed while it runs. */
async function mailServer() {
  const received: Received[] = [];
  const answers: { recipient: Answer; data: Answer } = { recipient: () => undefined, data: () => undefined };
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onRcptTo: ({ address }, _session, done) => done(refusal(answers.recipient(address))),
    onData(stream, { envelope }, done) {
      const to = envelope.rcptTo.map(({ address }) => address);
      simpleParser(stream).then((mail) => {
        const refused = refusal(answers.data(to.join()));
        if (!refused) received.push({ to, mail });
        done(refused);
      }, done);
    },
  });
  server.on('error', () => undefined);
  const listening = server.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const address = listening.address();
  return { url: `smtp://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`, received, answers };
}

/** A server that speaks just enough SMTP and hangs up before or after the final dot. */
async function hangingUp(when: 'before the data' | 'after the dot', only: string) {
  let handedOver = 0;
  const server = createServer((socket: Socket) => {
    let inData = false;
    let victim = false;
    socket.on('error', () => undefined);
    socket.write('220 here\r\n');
    socket.on('data', (chunk) => {
      for (const line of chunk
        .toString()
        .split('\r\n')
        .filter((each) => each !== '')) {
        if (inData && line === '.') {
          inData = false;
          handedOver += 1;
          if (victim && when === 'after the dot') socket.destroy();
          else socket.write('250 taken\r\n');
        } else if (line === 'DATA') {
          inData = true;
          if (victim && when === 'before the data') socket.destroy();
          else socket.write('354 go on\r\n');
        } else if (!inData) {
          if (line.startsWith('RCPT')) victim = line.includes(only);
          socket.write('250 ok\r\n');
        }
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  return {
    url: `smtp://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    handedOver: () => handedOver,
  };
}

let folder: string;
let before: Lease | undefined;
beforeEach(async () => {
  before = undefined;
  folder = await mkdtemp(join(tmpdir(), 'outbox-'));
  return () => rm(folder, { recursive: true });
});

/** The outbox of the next conductor, which goes on with what the one before has left. */
async function outbox(url: string | undefined, people: string[]) {
  const path = join(folder, 'journal.sqlite');
  makeSqliteJournal(path);
  const journal = await openSqliteJournal(path);
  onTestFinished(() => journal.close());
  if (before) await journal.release(before);
  before = await journal.acquire();
  const opened = openOutbox({
    runbook: night,
    run: 'night-1',
    env: { SMTP_URL: url },
    queryAudience: async (sql) => (sql.includes('from people') ? people : []),
    deliveries: await Deliveries.open(journal, before),
  });
  return opened;
}

const STATE = after();
const caught = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('it went through'),
    (error: unknown) => error,
  );

test('each person gets a letter of their own, that says who it is from and where to answer', async () => {
  const { url, received } = await mailServer();
  const box = await outbox(url, ['bob@example.com', 'cy@example.com', 'Bob@Example.com']);
  expect(await box.deliver(MESSAGE, STATE)).toEqual({ recipients: 3, detail: '3 reached' });
  await box.close();

  const written = received.flatMap(({ to }) => to);
  expect(written.toSorted()).toEqual(['ann@example.com', 'bob@example.com', 'cy@example.com']);
  expect(received).toHaveLength(3);
  const letter = received.find(({ to }) => to[0] === 'cy@example.com')?.mail;
  expect(letter?.text?.trim()).toBe(MESSAGE.body);
  expect(letter).toMatchObject({ subject: MESSAGE.subject, from: { text: '"Operations" <ops@example.com>' } });
  expect(letter?.replyTo?.text).toBe('support@example.com');
  expect(letter?.headers.get('auto-submitted')).toBe('auto-generated');
  expect(letter?.headers.get('to')).toMatchObject({ value: [{ address: 'cy@example.com' }] });
  expect(new Set(received.map(({ mail }) => mail.messageId)).size).toBe(3);
});

test('a line break in an address writes to nobody of its choosing', async () => {
  const { url, received } = await mailServer();
  const box = await outbox(url, [
    'bob@example.com\r\nRCPT TO:<eve@example.com>',
    'bob@example.com\nBcc: eve@example.com',
    'bob@example.com, eve@example.com',
    'Bob <eve@example.com>',
    'nobody',
  ]);
  const { recipients, detail } = await box.deliver(MESSAGE, STATE);
  await box.close();
  expect({ recipients, detail }).toEqual({
    recipients: 1,
    detail: '1 reached, 5 left out because what is on file is no address',
  });
  expect(received.flatMap(({ to }) => to)).toEqual(['ann@example.com']);
});

test('a recipient put off for later is written to on the next attempt, and nobody else again', async () => {
  const { url, received, answers } = await mailServer();
  answers.recipient = (address) =>
    address.startsWith('bob') ? [451, '4.7.1 bob@example.com is greylisted'] : undefined;
  const box = await outbox(url, ['bob@example.com', 'cy@example.com']);
  const error = await caught(box.deliver(MESSAGE, STATE));
  const { failure, retryInMs } = box.explain(error, 1);
  expect(failure.message).toMatch(/2 reached, 1 not reached yet.*4\.7\.1 \(address\) is greylisted/);
  expect(retryInMs).toBeGreaterThan(0);
  await box.close();

  answers.recipient = () => undefined;
  const next = await outbox(url, ['bob@example.com', 'cy@example.com']);
  expect(await next.deliver(MESSAGE, STATE)).toEqual({ recipients: 3, detail: '3 reached' });
  await next.close();
  expect(received.flatMap(({ to }) => to).toSorted()).toEqual(['ann@example.com', 'bob@example.com', 'cy@example.com']);
});

test('a refusal for good is counted and not tried again; refused by everybody is a failure for good', async () => {
  const { url, received, answers } = await mailServer();
  answers.data = (to) => (to.startsWith('bob') ? [550, '5.1.1 no such user'] : undefined);
  const box = await outbox(url, ['bob@example.com']);
  expect(await box.deliver(MESSAGE, STATE)).toEqual({
    recipients: 1,
    detail: '1 reached, 1 refused by the mail server',
  });
  expect(await box.deliver(MESSAGE, STATE)).toMatchObject({ recipients: 1 });
  expect(received).toHaveLength(1);

  answers.recipient = () => [554, '5.7.1 not from you'];
  const error = await caught(box.deliver({ ...MESSAGE, id: 'another' }, STATE));
  expect(box.explain(error, 1)).toMatchObject({ failure: { name: 'MailRefused' }, retryInMs: null });
  await box.close();
});

test('a connection lost after the final dot leaves the outcome unknown: not sent again', async () => {
  const server = await hangingUp('after the dot', 'bob');
  const box = await outbox(server.url, ['bob@example.com']);
  const detail = '1 reached, 1 handed over with the outcome unknown, not sent again';
  expect(await box.deliver(MESSAGE, STATE)).toEqual({ recipients: 1, detail });
  expect(await box.deliver(MESSAGE, STATE)).toEqual({ recipients: 1, detail });
  await box.close();
  expect(server.handedOver()).toBe(2);
});

test('a connection lost before the final dot is safe to try again', async () => {
  const server = await hangingUp('before the data', 'bob');
  const box = await outbox(server.url, ['bob@example.com']);
  const error = await caught(box.deliver(MESSAGE, STATE));
  expect(box.explain(error, 1)).toMatchObject({ failure: { name: 'MailUnfinished' }, retryInMs: 30_000 });
  expect(box.explain(error, 1).failure.message).toContain('1 not reached yet');
  await box.close();

  const { url, received } = await mailServer();
  const next = await outbox(url, ['bob@example.com']);
  expect(await next.deliver(MESSAGE, STATE)).toMatchObject({ recipients: 2 });
  await next.close();
  expect(received.map(({ to }) => to)).toContainEqual(['bob@example.com']);
});

test('no server and no SMTP_URL are failures that say what to do, without the password', async () => {
  const unused = createServer().listen(0, '127.0.0.1');
  await once(unused, 'listening');
  const address = unused.address();
  const port = typeof address === 'object' ? address?.port : 0;
  await new Promise((resolve) => unused.close(resolve));
  const away = await outbox(`smtp://ops:very%20secret@127.0.0.1:${port}`, []);
  const explained = away.explain(await caught(away.deliver(MESSAGE, STATE)), 1);
  await away.close();
  expect(explained.failure).toMatchObject({ name: 'MailUnfinished', advice: expect.stringContaining('tried again') });
  expect(JSON.stringify(explained)).not.toContain('secret');

  const none = await outbox(undefined, []);
  expect(none.explain(await caught(none.deliver(MESSAGE, STATE)), 1).failure.advice).toContain('SMTP_URL');
  await none.close();
});

test('a mail that was on its way when another took over is in doubt: sent again by neither', async () => {
  const { url, received, answers } = await mailServer();
  const { promise: arrived, resolve } = Promise.withResolvers<void>();
  answers.data = () => {
    resolve();
    return undefined;
  };
  const stale = await outbox(url, []);
  const delivering = stale.deliver(MESSAGE, STATE);
  await arrived;
  const next = await outbox(url, []);
  expect(await next.deliver(MESSAGE, STATE)).toMatchObject({
    recipients: 0,
    detail: expect.stringContaining('1 handed over with the outcome unknown'),
  });
  await next.close();
  await expect(delivering).rejects.toBeInstanceOf(LeaseLost);
  await stale.close();
  expect(received).toHaveLength(1);
});
