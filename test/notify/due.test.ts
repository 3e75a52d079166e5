import { expect, test } from 'vitest';
import { dueMessages } from '../../src/notify/due.ts';
import type { OutgoingMessage, RunEvent } from '../../src/run/events.ts';
import type { RunState } from '../../src/run/state.ts';
import { ADA } from '../run/archive.ts';
import { after, at, failed, finished, night } from './story.ts';

type Happened = [moment: number, ...events: RunEvent[]];

const BEGAN: Happened = [at('02:00'), { type: 'window-began' }];
const owed = (message: OutgoingMessage): RunEvent => ({ type: 'message-owed', message });
const wantsBack: RunEvent = { type: 'requested', request: 'roll-back', by: ADA, reason: 'Orders\nare <b>missing</b>' };

function due(state: RunState, time: string, percent = 0, finishAt = at('03:30')): OutgoingMessage[] {
  return dueMessages(night, state, { percent, finishAt }, at(time));
}
const names = (messages: OutgoingMessage[]) => messages.map(({ message }) => message);

/** Lives through a night minute by minute, as a conductor does: what is due is put on record at once. */
function live(
  happened: Happened[],
  from: string,
  until: string,
  percentAt: (moment: number) => number,
): OutgoingMessage[] {
  const said: [number, OutgoingMessage][] = [];
  for (let now = at(from); now <= at(until); now += 60_000) {
    const past = happened.filter(([moment]) => moment <= now);
    const state = after(
      ...[...past, ...said.map(([m, message]): Happened => [m, owed(message)])].sort((a, b) => a[0] - b[0]),
    );
    const outlook = { percent: percentAt(now), finishAt: at('03:30') };
    for (const message of dueMessages(night, state, outlook, now)) said.push([now, message]);
  }
  return said.map(([, message]) => message);
}

test('what a step owes is due when it has finished, once, with every placeholder filled', () => {
  const told: Happened = [at('00:00'), finished('tell', { owes: ['notice'] })];
  const [message, ...others] = due(after(told), '00:01');
  expect(others).toEqual([]);
  expect(message).toMatchObject({
    channel: 'mail',
    audience: 'everyone',
    subject: 'Maintenance on 4 March 2030',
    body: 'From 02:00 UTC (03:00 in Berlin, 21:00 on 3 March in New York). See https://docs.example',
    dueAt: at('00:00'),
  });
  if (!message) throw new Error('nothing due');
  expect(due(after(told, [at('00:01'), owed(message)]), '00:02')).toEqual([]);
});

test('posts fall on the opening, every half hour, and at each percentage; the longest silence is half an hour', () => {
  // Percent grows by one a minute from 02:00 on: 25 at 02:25, 50 at 02:50, 75 at 03:15.
  const posts = live([BEGAN], '01:50', '03:20', (now) => Math.max(0, (now - at('02:00')) / 60_000));
  expect(posts.map(({ dueAt }) => new Date(dueAt).toISOString().slice(11, 16))).toEqual([
    '02:00',
    '02:25',
    '02:30',
    '02:50',
    '03:00',
    '03:15',
  ]);
  expect(posts[1]?.body).toBe('Migration in progress - 25% complete');
  expect(new Set(posts.map(({ id }) => id)).size).toBe(posts.length);
});

test('after a sleep over several posts there is one, not a burst', () => {
  const posts = due(after(BEGAN), '03:05', 60);
  expect(posts.map(({ body }) => body)).toEqual(['Migration in progress - 60% complete']);
  const again = after(BEGAN, [at('03:05'), ...posts.map(owed)]);
  expect(due(again, '03:06', 60)).toEqual([]);
  expect(due(again, '03:06', 40), 'a lower percentage is not announced after a higher one').toEqual([]);
});

test("a step's own post takes the place of the cadence's, and nothing is posted once the window's work is over", () => {
  const checking: Happened = [at('02:31'), finished('say-checking', { owes: ['checking'] })];
  expect(names(due(after(BEGAN, checking), '02:31'))).toEqual(['checking']);
  const over = after(BEGAN, [
    at('02:10'),
    finished('copy'),
    finished('count'),
    finished('say-checking'),
    finished('seen'),
  ]);
  expect(due(over, '05:00', 100, at('05:00'))).toEqual([]);
});

test('a forecast beyond the close is told only near the close; past the close it is told in any case', () => {
  const late = at('04:20');
  expect(names(due(after(BEGAN), '03:20', 10, late))).toEqual(['progress']);
  const [mail, post] = due(after(BEGAN), '03:45', 60, late);
  expect(mail?.body).toBe(
    'We encountered work that takes longer than planned. Now fixing, until 04:20 UTC (05:20 in Berlin, 23:20 on 3 March in New York).',
  );
  expect(post).toMatchObject({ message: 'extended-post', state: 'extended' });
  expect(names(due(after(BEGAN), '04:01', 60, at('03:00')))).toEqual(['extended-mail', 'extended-post']);
});

test('while it lasts, people hear by mail again within the hour that the first mail promises', () => {
  const said = live([BEGAN], '03:55', '06:30', () => 60);
  const mails = said.filter(({ channel }) => channel === 'mail');
  expect(mails.map(({ dueAt }) => new Date(dueAt).toISOString().slice(11, 16))).toEqual(['04:00', '05:00', '06:00']);
  expect(new Set(said.map(({ id }) => id)).size).toBe(said.length);
});

test('of a failure people outside learn the step, never the error', () => {
  const state = after(BEGAN, [at('02:10'), failed('copy', 'duplicate key (email)=(ann@example.com)')]);
  const [mail] = due(state, '04:00', 10);
  expect(mail?.body).toContain('We encountered a problem in this step: Copy the rows. Now investigating');
  expect(JSON.stringify(mail)).not.toContain('duplicate');
});

test('a rollback is posted when it is wanted and mailed when it is approved', () => {
  const wanted: Happened = [at('02:40'), wantsBack];
  const [post, ...others] = due(after(BEGAN, wanted), '02:40', 50);
  expect(others).toEqual([]);
  expect(post).toMatchObject({ message: 'extended-post', body: 'Extended: investigating' });
  const approved = after(BEGAN, wanted, [at('02:41'), { type: 'rollback-begun', reason: 'x' }]);
  const [mail, second] = due(approved, '02:41', 50);
  expect(mail?.body, 'the typed reason, on one line').toContain(
    'We encountered Orders are <b>missing</b>. Now rolling back',
  );
  expect(second?.body).toBe('Extended: rolling back');
});

test('the end has its own words, and who never heard of the window is not told that it is off', () => {
  const told: Happened = [at('00:00'), finished('tell', { owes: ['notice'] })];
  const [notice] = due(after(told), '00:00');
  if (!notice) throw new Error('nothing due');
  const off: Happened = [at('01:00'), { type: 'run-finished', outcome: 'aborted', why: 'no backup' }];
  expect(names(due(after(told, [at('00:00'), owed(notice)], off), '01:00'))).toEqual(['off-mail']);
  expect(names(due(after(off), '01:00'))).toEqual([]);

  const all = ['copy', 'count', 'say-checking', 'seen'].flatMap((step) => finished(step));
  const complete: Happened = [at('03:00'), ...all];
  const later: Happened = [at('05:00'), { type: 'run-finished', outcome: 'aborted', why: 'tired of it' }];
  expect(names(due(after(told, [at('00:00'), owed(notice)], BEGAN, complete, later), '05:00'))).toEqual([]);

  const back: Happened = [at('03:00'), { type: 'run-finished', outcome: 'rolled-back', why: 'missing' }];
  const late = [told, [at('00:00'), owed(notice)] as Happened, BEGAN, [at('02:40'), wantsBack] as Happened, back];
  const [message, ...others] = due(after(...late), '05:00', 50);
  expect(others).toEqual([]);
  expect(message).toMatchObject({ message: 'back-mail', body: 'Move the archive was rolled back.' });
});
