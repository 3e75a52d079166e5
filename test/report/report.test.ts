import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { markdown } from '../../src/report/markdown.ts';
import { type Report, timingReport } from '../../src/report/report.ts';
import { json, writeReport } from '../../src/report/write.ts';
import type { Evidence, Prompt, RunEvent } from '../../src/run/events.ts';
import { at, began, failed, finished, recorded } from '../notify/story.ts';
import { ADA, GRACE } from '../run/archive.ts';

const SHOWN: Evidence = {
  kind: 'rows',
  title: 'Counted',
  columns: ['table', 'rows'],
  rows: [['archive', '7']],
  more: 0,
};

type Happened = [moment: number, ...events: RunEvent[]];

/** Text as it comes from a hostile row: markup, HTML, a table's bars, a line break, marks that turn writing round. */
const HOSTILE = '| a | **b** <img src=x onerror=alert(1)> `c`\n# d \u202e\u001b[31m [e](http://f)';

const question: Prompt = {
  id: 'copy.failed',
  round: 1,
  kind: 'failure',
  step: 'copy',
  question: 'Copy the rows failed. How do we go on?',
  evidence: [
    { kind: 'rows', title: 'In the way', columns: ['pid', 'query'], rows: [['7', HOSTILE]], more: 3 },
    { kind: 'text', title: 'Log', text: 'before\n```\n# not a heading\n' },
  ],
  options: [
    { choose: 'retry', says: 'Again.', effect: 'retry', reason: true },
    { choose: 'abort', says: 'End.', effect: 'abort', reason: true },
  ],
  who: ['lead'],
};
const answer = (by: typeof ADA, choose: string): RunEvent => ({
  type: 'prompt-answered',
  answer: { prompt: 'copy.failed', round: 1, choose, reason: HOSTILE, by, proof: 'named', from: 'bastion pid 9' },
});

const FAILED: Happened[] = [
  [at('02:00'), { type: 'window-began' }],
  [at('02:05'), began('copy')],
  [at('02:10'), failed('copy', HOSTILE)],
  [at('02:10'), { type: 'prompt-opened', prompt: question }],
  [at('02:12'), answer(ADA, 'retry')],
  [at('02:20'), answer(GRACE, 'retry')],
  [at('02:20'), { type: 'prompt-settled', prompt: 'copy.failed', round: 1 }],
  [at('02:20'), { type: 'step-begun', step: 'copy', attempt: 2 }],
];
const TO_THE_END: Happened[] = [
  ...FAILED,
  [at('02:55'), finished('copy', { exceptions: ['3 orphans left'] }, 30 * 60_000)],
  [at('02:55'), began('count')],
  [at('02:56'), finished('count', { facts: { rows: 100_000 }, evidence: [SHOWN] })],
  [at('02:56'), { type: 'watch-sampled', watch: 'app', asked: 3_600, failed: 2, downMs: 61_000, p50Ms: 4, p99Ms: 30 }],
  [at('02:56'), { type: 'step-skipped', step: 'say-checking', why: 'not needed' }],
  [at('02:57'), finished('seen')],
  [at('02:58'), { type: 'run-finished', outcome: 'done', why: 'every step is finished' }],
];

const activity = (report: Report, id: string) => report.activities.find((each) => each.id === id);

test('the time of a step is its own, the people’s, or the plan’s, and they add up', () => {
  const move = activity(timingReport(recorded(TO_THE_END)), 'move');
  const copy = move?.steps[0];
  // From 02:05 to 02:55; half a second and half an hour at work; ten minutes until somebody answered for good.
  expect(copy).toMatchObject({ tookMs: 50 * 60_000, waitedMs: 10 * 60_000, workMs: 30 * 60_000 + 500, attempts: 2 });
  expect((copy?.workMs ?? 0) + (copy?.waitedMs ?? 0) + (copy?.pausedMs ?? 0)).toBe(copy?.tookMs);
  expect(copy?.overMs).toBe(10 * 60_000);
  expect(move).toMatchObject({ lateMs: 5 * 60_000, tookMs: 51 * 60_000, overMs: -9 * 60_000 });
});

test('every verdict follows from what happened', () => {
  const verdict = (happened: Happened[]) =>
    Object.fromEntries(timingReport(recorded(happened)).criteria.map((each) => [each.id, each.verdict]));
  expect(verdict(TO_THE_END)).toEqual({
    whole: 'met-with-exceptions',
    quick: 'met',
    up: 'not-met',
    forward: 'met',
  });
  expect(verdict(FAILED)).toEqual({
    whole: 'not-proved',
    quick: 'not-proved',
    up: 'not-proved',
    forward: 'not-proved',
  });
  const back: Happened[] = [
    ...TO_THE_END.slice(0, -1),
    [at('02:58'), { type: 'requested', request: 'roll-back', by: ADA, reason: 'wrong rows' }],
    [at('02:59'), { type: 'rollback-begun', reason: 'wrong rows' }],
    [at('02:59'), { type: 'undo-begun', step: 'copy' }],
    [at('03:01'), { type: 'undo-finished', step: 'copy', workMs: 100, result: { summary: 'emptied' } }],
    [at('03:02'), { type: 'run-finished', outcome: 'rolled-back', why: 'wrong rows' }],
  ];
  expect(verdict(back)).toMatchObject({ whole: 'not-met', forward: 'not-met' });
});

test('what the criteria rest on is shown as it was seen', () => {
  const text = markdown(timingReport(recorded(TO_THE_END)));
  const [, proofs = ''] = text.split('## Proofs');
  expect(proofs).toMatch(/### Count.*\n\n\*Counted\*\n\n\| table \| rows \|\n.*\n\| archive \| 7 \|/);
  expect(markdown(timingReport(recorded(FAILED)))).not.toContain('## Proofs');
});

test('a refused answer stays on record beside the one that counted', () => {
  const [asked] = timingReport(recorded(TO_THE_END)).asked;
  expect(asked?.answers.map(({ by, refused }) => [by.name, refused === null])).toEqual([
    ['Ada', false],
    ['Grace', true],
  ]);
  expect(asked?.waitedMs).toBe(10 * 60_000);
});

test('an unfinished run has a report too', () => {
  const text = markdown(timingReport(recorded(FAILED)));
  expect(text).toContain('**Not finished**');
  expect(text).not.toMatch(/undefined|NaN|null/);
});

test('what came from outside stands in the Markdown as text', () => {
  const text = markdown(timingReport(recorded(TO_THE_END)));
  const outsideFences = text.replace(/^(`{3,})text\n[\s\S]*?^\1$/gm, '');
  expect(outsideFences).not.toMatch(/(?<!\\)<img/);
  expect(outsideFences).not.toMatch(/(?<!\\)\[e\]/);
  expect(text).not.toContain('\u202e');
  expect(text).not.toContain('\u001b');
  expect(outsideFences).not.toMatch(/^#+ (d|not a heading)/m);
  // Every row of a table has as many cells as its head.
  for (const [, head = '', rows = ''] of outsideFences.matchAll(/^(\|.*)\n\| ---.*\n((?:\|.*\n?)*)/gm)) {
    const cells = (line: string) => line.split(/(?<!\\)\|/).length;
    for (const row of rows.trimEnd().split('\n')) expect(cells(row), row).toBe(cells(head));
  }
});

test('the same journal gives the same bytes, wherever it is read', async () => {
  const records = recorded(TO_THE_END);
  const folder = await mkdtemp(join(tmpdir(), 'report-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const written = await writeReport(records, folder);
  const { TZ } = process.env;
  onTestFinished(() => {
    if (TZ === undefined) delete process.env.TZ;
    else process.env.TZ = TZ;
  });
  process.env.TZ = 'Pacific/Kiritimati';
  const again = timingReport(JSON.parse(JSON.stringify(records)));
  expect(await readFile(written.markdown, 'utf8')).toBe(markdown(again));
  expect(await readFile(written.json, 'utf8')).toBe(json(again));
  expect(JSON.parse(json(again)).journal).toEqual({ records: records.length, head: records.at(-1)?.hash });
});
