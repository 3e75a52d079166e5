import { expect, it } from 'vitest';
import { ADA } from '../run/archive.ts';
import { eventually } from '../support/eventually.ts';
import { OPENS, openTestRun } from './run.ts';
import { asked, show } from './show.ts';

it('shows who else is there, and who has gone, also without a word', async () => {
  const run = await openTestRun({ rehearsal: false });
  const grace = { name: 'Grace', role: 'lead' };
  const one = show(run, 100, 30, { name: 'bastion:1' }).terminal;
  const two = show(run, 80, 24, { name: 'laptop:2', me: grace });
  await one.shows('1 other here');
  one.press({ type: 'w' });
  await one.shows(/Grace \(Tech Lead\) {2}laptop:2, since 02:00/);
  await one.shows(/Ada \(Developer\) {2}bastion:1, since \d\d:\d\d UTC {2}this terminal/);
  two.terminal.press({ type: 'q' });
  await two.ended;
  await one.shows(/Gone\n {2}Grace \(Tech Lead\) {2}laptop:2, left at 02:00 UTC/);
  const by = { name: 'Eve', role: 'lead' };
  await run.happens(OPENS, { type: 'terminal-attached', terminal: 'train:3', by });
  await run.happens(OPENS, { type: 'terminal-left', terminal: 'train:3', by, silent: true });
  await one.shows(/Gone\n {2}Eve \(Tech Lead\) {2}train:3, silent, taken for gone at 02:00 UTC/);
});

/** A run with so many others at it, and its step at work; `moved` says how far that has come. */
async function crowdedRun(others: number) {
  const run = await openTestRun({ rehearsal: false });
  const by = { name: 'Eve', role: 'lead' };
  const crowd = Array.from({ length: others }, (_, index) => `train:${index}`);
  await run.happens(OPENS, ...crowd.map((terminal) => ({ type: 'terminal-attached' as const, terminal, by })));
  await run.happens(OPENS, { type: 'step-begun', step: 'move-rows', attempt: 1 });
  const moved = (done: number) => run.pulse({ step: 'move-rows', done, total: 100, unit: 'rows' });
  await moved(10);
  return { run, by, crowd, moved };
}

it('dozes among many, but for news, until a key wakes it', async () => {
  const run = await openTestRun({ rehearsal: false });
  const by = { name: 'Eve', role: 'lead' };
  const crowd = Array.from({ length: 60 }, (_, index) => `train:${index}`);
  await run.happens(OPENS, ...crowd.map((terminal) => ({ type: 'terminal-attached' as const, terminal, by })));
  const { terminal } = show(run, 100, 30);
  await terminal.shows('60 others here; dozing, any key wakes');
  await terminal.shows(/02:\d\d UTC/);
  await asked(run);
  await terminal.shows('What shall become of the orphans?');
  expect(terminal.text()).toContain('dozing');
  terminal.press({ type: '?' });
  await terminal.shows(/02:\d\d:\d\d UTC/);
  expect(terminal.text()).not.toContain('dozing');
});

it('shows with news how far the work has come by then, while it dozes', async () => {
  const { run, moved } = await crowdedRun(60);
  const { terminal } = show(run, 100, 40);
  await terminal.shows(/10%/);
  await moved(80);
  await asked(run);
  await terminal.shows('What shall become of the orphans?');
  await terminal.shows(/80%/);
});

it('shows how far the work has come as soon as the crowd has gone', async () => {
  const { run, by, crowd, moved } = await crowdedRun(9);
  const { terminal } = show(run, 100, 30);
  await terminal.shows('9 others here; dozing');
  await terminal.shows(/10%/);
  await moved(80);
  await run.happens(OPENS, ...crowd.slice(2).map((each) => ({ type: 'terminal-left' as const, terminal: each, by })));
  await terminal.shows('2 others here');
  await terminal.shows(/80%/);
});

it('is on record again when it was given up while it was stopped', async () => {
  const run = await openTestRun();
  show(run, 80, 24);
  await eventually(async () => expect(Object.keys((await run.state()).terminals)).toEqual(['test:1']));
  await run.happens(OPENS, { type: 'terminal-left', terminal: 'test:1', by: ADA, silent: true });
  expect((await run.state()).terminals).toEqual({});
  await eventually(async () => expect(Object.keys((await run.state()).terminals)).toEqual(['test:1']));
});
