import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { simpleParser } from 'mailparser';
import nodemailer from 'nodemailer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { errorRate } from '../../src/rehearsal/application/error-rate.ts';
import { dataDirectory, reap } from '../../src/rehearsal/folder.ts';
import { readPostmaster } from '../../src/rehearsal/postmaster.ts';
import { type Rehearsal, startRehearsal } from '../../src/rehearsal/rehearsal.ts';
import { clientOf } from '../support/database.ts';

let rehearsal: Rehearsal;
beforeAll(async () => {
  rehearsal = await startRehearsal({ rows: 400, keep: true });
});
afterAll(async () => {
  await rehearsal.stop();
  await rm(rehearsal.folder, { recursive: true, force: true });
});

/** A request to the application. */
async function call(method: string, path: string, token = '', body?: object) {
  const response = await fetch(rehearsal.settings.app_url + path, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : JSON.parse(text) };
}

const password = () => rehearsal.env.APP_PROBE_PASSWORD ?? '';

async function signUp(email: string): Promise<string> {
  return (await call('POST', '/signup', '', { email, password: 'a long one', name: 'Somebody' })).body.token;
}

test('the probe signs in, lists, orders and looks at the dashboard', async () => {
  expect(await call('POST', '/login', '', { email: 'probe@example.com', password: 'wrong' })).toMatchObject({
    status: 401,
  });
  const { token } = (await call('POST', '/login', '', { email: 'probe@example.com', password: password() })).body;
  const clients = await call('GET', '/clients', token);
  expect(clients.body.length).toBeGreaterThan(0);
  const before = (await call('GET', '/dashboard', token)).body.open_orders;
  expect(await call('POST', '/orders', token, {})).toMatchObject({ status: 201, body: { status: 'new' } });
  expect((await call('GET', '/dashboard', token)).body.open_orders).toBeGreaterThan(before);
  expect(await call('GET', '/clients')).toMatchObject({ status: 401 });
  expect(await call('POST', '/orders', token, { fee_cents: -1 })).toMatchObject({ status: 400 });
});

test('users of the application do not get at each other’s rows', async () => {
  const [ada, bob] = [await signUp('ada@example.org'), await signUp('bob@example.org')];
  const { id } = (await call('POST', '/orders', ada, {})).body;
  expect(await call('PATCH', `/orders/${id}`, bob, { status: 'cancelled' })).toMatchObject({ status: 404 });
  expect(await call('PATCH', `/orders/${id}`, ada, { status: 'cancelled' })).toMatchObject({
    status: 200,
    body: { status: 'cancelled' },
  });
  expect(await call('DELETE', '/account', bob)).toMatchObject({ status: 204 });
  expect(await call('GET', '/clients', bob)).toMatchObject({ status: 401 });
});

test('a failing database shows in the error rate', async () => {
  const db = await clientOf(rehearsal.env);
  const token = await signUp('carl@example.org');
  const before = (await call('GET', '/errors')).body;
  await db.query('alter table public.clients rename to elsewhere');
  expect(await call('GET', '/clients', token)).toMatchObject({ status: 500 });
  await db.query('alter table public.elsewhere rename to clients');
  await db.end();
  const after = (await call('GET', '/errors')).body;
  expect(after.errors).toBeGreaterThan(before.errors);
  expect(after.rate).toBeCloseTo(after.errors / after.requests);
});

test('the error rate looks back one minute', () => {
  let now = 0;
  const rate = errorRate(() => now);
  rate.note(true);
  now = 30_000;
  rate.note(false);
  expect(rate.read()).toEqual({ requests: 2, errors: 1, rate: 0.5 });
  now = 60_000;
  expect(rate.read()).toEqual({ requests: 1, errors: 0, rate: 0 });
});

test('people keep working with the application', async () => {
  const { requests } = rehearsal.traffic();
  await expect.poll(() => rehearsal.traffic().requests, { timeout: 20_000 }).toBeGreaterThan(requests + 20);
  expect(rehearsal.traffic().p99Ms).toBeGreaterThanOrEqual(rehearsal.traffic().p50Ms);
});

test('mail is kept as it was sent; what is kept outlives the rehearsal', async () => {
  const transport = nodemailer.createTransport(rehearsal.env.SMTP_URL);
  await transport.sendMail({
    from: 'ops@example.com',
    to: 'zoë@example.com',
    subject: 'Maintenance Complete ✅',
    text: '.\nDone.\n',
  });
  expect(rehearsal.mail().count).toBe(1);

  const server = await readPostmaster(dataDirectory(rehearsal.folder));
  expect(server).not.toBeNull();
  await rehearsal.stop();
  expect(await readPostmaster(dataDirectory(rehearsal.folder))).toBeNull();
  await reap(dirname(rehearsal.folder));
  const [file, ...more] = await readdir(rehearsal.mail().folder);
  expect(more).toEqual([]);
  const message = await simpleParser(await readFile(join(rehearsal.mail().folder, file ?? '')));
  expect(message.subject).toBe('Maintenance Complete ✅');
  expect(message.text?.trim()).toBe('.\nDone.');
  expect((await stat(rehearsal.folder)).isDirectory()).toBe(true);
});
