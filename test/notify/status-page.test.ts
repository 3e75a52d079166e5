import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { statusPage, writeStatusPage } from '../../src/notify/status-page.ts';
import type { OutgoingMessage } from '../../src/run/events.ts';
import { at } from './story.ts';

const post = (time: string, state: string, body: string): OutgoingMessage => ({
  id: time,
  message: 'progress',
  channel: 'status',
  state,
  body,
  dueAt: at(time),
});

test('the newest post comes first and says what is so now', () => {
  const posts = [
    post('02:00', 'in-progress', 'First'),
    post('03:00', 'extended', 'Third'),
    post('02:30', 'verifying', 'Second'),
  ];
  const html = statusPage({ title: 'Move', posts });
  expect(html.match(/First|Second|Third/g)).toEqual(['Third', 'Second', 'First']);
  expect(html).toMatch(/role="status">Maintenance takes longer than planned/);
  expect(html).toContain('<time datetime="2030-03-04T03:00:00.000Z">2030-03-04 03:00 UTC</time>');
});

test('text is text, and the page needs nothing from elsewhere', () => {
  const html = statusPage({
    title: '</title><script>alert(1)</script>',
    posts: [post('02:00', 'in-progress', '<img src=x onerror=alert(1)> & "quotes"\u202e\u0007')],
  });
  expect(html).not.toMatch(/<(script|img|link|iframe)/);
  expect(html).not.toMatch(/\b(src|href)=(?!x onerror)/);
  expect(html).not.toContain('\u202e');
  expect(html).not.toContain('\u0007');
  expect(html).toContain('&lt;img src=x onerror=alert(1)&gt; &amp; &quot;quotes&quot;');
});

test('the page is replaced whole, and a folder that is not there is said to be', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'status-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'status.html');
  await writeStatusPage(path, { title: 'Move', posts: [] });
  await writeStatusPage(path, { title: 'Move', posts: [post('02:00', 'completed', 'Done')] });
  expect(await readFile(path, 'utf8')).toContain('All systems operational');
  expect(await readdir(folder)).toEqual(['status.html']);
  await expect(writeStatusPage(join(folder, 'gone', 'x.html'), { title: 'Move', posts: [] })).rejects.toMatchObject({
    name: 'PageNotWritten',
    advice: expect.stringContaining('folder exists'),
  });
});
