import { dirname } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import type { Person } from '../../src/run/events.ts';
import { parseRunbook } from '../../src/runbook/sources.ts';
import { lookOf } from '../../src/ui/look.ts';
import { openPlain } from '../../src/ui/plain.ts';
import { summary } from '../../src/ui/summary.ts';
import { ADA } from '../run/archive.ts';
import { eventually } from '../support/eventually.ts';
import { OPENS, openTestRun, orphans, type TestRun } from './run.ts';

const MINUTE = 60_000;

function show(run: TestRun, given: { tty: boolean; attached?: true; since?: number; me?: Person; role?: string }) {
  const leaving = new AbortController();
  const stdout = new PassThrough();
  const stdin = Object.assign(new PassThrough(), { isTTY: given.tty });
  let text = '';
  let ctrlC: () => void = () => undefined;
  stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const ended = openPlain({
    journal: run.journal,
    me: given.me ?? ADA,
    role: given.role ?? null,
    terminal: 'test:1',
    endsRun: run.rehearsal && !given.attached,
    stdin: stdin as unknown as NodeJS.ReadStream,
    stdout,
    onCtrlC(answer) {
      ctrlC = answer;
      return () => undefined;
    },
    signal: leaving.signal,
    ...(given.since === undefined ? {} : { since: given.since }),
  });
  onTestFinished(async () => {
    leaving.abort();
    await ended;
  });
  const says = (wanted: string) => eventually(() => expect(text).toContain(wanted));
  return { ended, says, types: (line: string) => stdin.write(`${line}\n`), text: () => text, ctrlC: () => ctrlC() };
}

async function asked(run: TestRun): Promise<void> {
  await run.happens(
    OPENS + 12 * MINUTE,
    { type: 'step-begun', step: 'orphans', attempt: 1 },
    { type: 'step-asked', step: 'orphans', result: { summary: '' } },
    {
      type: 'prompt-opened',
      prompt: orphans([{ kind: 'rows', title: 'Orphans', columns: ['row'], rows: [['\u001b[31mbad']], more: 0 }]),
    },
  );
}

it('prints a line an event, and a question with everything needed to answer it', async () => {
  const run = await openTestRun();
  const plain = show(run, { tty: false, since: 0 });
  await plain.says('2030-03-04T02:00:00Z · bound to db1/shop');
  await asked(run);
  await plain.says('2030-03-04T02:12:00Z ? What shall become of the orphans?');
  await plain.says('^[[31mbad');
  await plain.says('drop REASON: They are deleted for good.');
  await plain.says(`For Tech Lead to answer: run \`runbook attach ${dirname(run.path)} --as lead\``);
  await run.happens(OPENS + 13 * MINUTE, { type: 'conductor-left', why: 'it may not wait' });
  expect((await plain.ended).conductor).toBeNull();
  expect(plain.text()).not.toContain('\u001b');
});

it('prints no history, but what is still asked', async () => {
  const run = await openTestRun();
  await asked(run);
  const plain = show(run, { tty: false });
  await plain.says('What shall become of the orphans?');
  expect(plain.text()).not.toContain('bound to');
});

it('answers, with --as, in that role alone', async () => {
  const run = await openTestRun();
  await asked(run);
  const plain = show(run, { tty: true, role: 'dev' });
  await plain.says('What shall become of the orphans?');
  plain.types('as lead leave');
  await plain.says(
    `This terminal answers as dev; for lead, \`runbook attach ${dirname(run.path)} --as lead\` in another one.`,
  );
});

it('takes answers as typed lines, and says why one does not count', async () => {
  const run = await openTestRun();
  await asked(run);
  const plain = show(run, { tty: true });
  await plain.says('What shall become of the orphans?');
  plain.types('leave');
  await plain.says('This is for lead to answer, not for dev.');
  plain.types('as lead drop');
  await plain.says('needs a reason');
  plain.types('everything');
  await plain.says('neither an answer');
  plain.types('as lead drop nobody owns them');
  await plain.says('Grace (Tech Lead) answered “drop”, because nobody owns them');
  await run.settles('orphans');
  expect((await run.state()).prompts[0]?.settled).toMatchObject({
    choose: 'drop',
    by: { name: 'Grace' },
    proof: 'named',
  });
});

it('repeats what is asked, and shows all there is to look at', async () => {
  const run = await openTestRun();
  const rows = Array.from({ length: 60 }, (_, index) => [`order ${index}`]);
  await run.happens(OPENS + 12 * MINUTE, {
    type: 'prompt-opened',
    prompt: orphans([{ kind: 'rows', title: 'Orphans', columns: ['row'], rows, more: 0 }]),
  });
  const plain = show(run, { tty: true });
  await plain.says('type `evidence` to see it all');
  expect(plain.text()).not.toContain('order 59');
  plain.types('evidence');
  await plain.says('order 59');
  plain.types('');
  await eventually(() => expect(plain.text().split('For Tech Lead to answer: type `[as lead] CHOICE')).toHaveLength(3));
});

it('wants to know which question is meant when several can be answered so', async () => {
  const run = await openTestRun();
  await asked(run);
  await run.happens(OPENS + 12 * MINUTE, { type: 'prompt-opened', prompt: { ...orphans(), id: 'tripwire.slow' } });
  const plain = show(run, { tty: true });
  await plain.says('What shall become of the orphans?');
  plain.types('as lead leave');
  await plain.says('say which is meant: `orphans leave` or `tripwire.slow leave`');
  plain.types('as lead tripwire.slow leave');
  await plain.says('Grace (Tech Lead) answered “leave”');
  await run.settles('tripwire.slow');
  expect((await run.state()).prompts.map((each) => each.settled?.choose)).toEqual([undefined, 'leave']);
});

it('asks on Ctrl+C what shall be done, and stops on a second one unless something was typed', async () => {
  const run = await openTestRun({ rehearsal: false });
  const plain = show(run, { tty: true });
  const requests = async () =>
    (await run.records()).flatMap(({ event }) => (event.type === 'requested' ? [event.request] : []));
  await plain.says('so far');
  plain.ctrlC();
  await plain.says('Ctrl+C again stops the run now, safely');
  plain.types('pause');
  await plain.says('Ada (Developer) paused the run');
  plain.ctrlC();
  expect(await requests()).toEqual(['pause']);
  plain.ctrlC();
  await plain.says('Ada (Developer) stopped the run');
  plain.ctrlC();
  expect((await plain.ended).stopping).toBe('stop');
  expect(await requests()).toEqual(['pause', 'stop']);
});

it('leaves a rehearsal alone where it was only attached to, and says how to come back', async () => {
  const run = await openTestRun();
  const plain = show(run, { tty: true, attached: true });
  await plain.says('Ada (Developer) attached');
  plain.ctrlC();
  await plain.says('Ctrl+C again ends the rehearsal');
  await plain.says('or `detach` to leave it at work');
  plain.types('detach');
  await plain.ended;
  expect((await run.state()).conductor).not.toBeNull();
});

it('takes no answer and no request from somebody who only watches, and lets them go', async () => {
  const run = await openTestRun({ rehearsal: false });
  await asked(run);
  const plain = show(run, { tty: true, me: { name: 'eve', role: '' } });
  await plain.says('What shall become of the orphans?');
  for (const line of ['leave', 'pause', 'orphans leave']) plain.types(line);
  await eventually(() => expect(plain.text().split('You only watch.')).toHaveLength(4));
  plain.types('detach');
  await plain.ended;
  expect((await run.state()).conductor).not.toBeNull();
});

it('sums a run up: how it stands, what waits, what did not simply pass', async () => {
  const run = await openTestRun();
  await run.happens(
    OPENS + 5 * MINUTE,
    { type: 'step-begun', step: 'size', attempt: 1 },
    {
      type: 'step-finished',
      step: 'size',
      attempt: 1,
      result: { summary: '1 row', exceptions: ['one\u001b table'] },
      workMs: 9,
    },
  );
  await asked(run);
  const [first] = await run.records();
  if (first?.event.type !== 'run-opened') throw new Error('no run');
  const runbook = parseRunbook(first.event.sources, { opens: first.event.opens });
  const text = summary(
    { runbook, state: await run.state(), journal: { url: null, path: null }, pulses: [], now: OPENS + 20 * MINUTE },
    lookOf({ LANG: 'C.UTF-8' }),
  );
  expect(text).toContain('Move the archive, rehearsal night-1: waits for a person: 1 question open.');
  expect(text).toMatch(/\? 02:00 {2}Pre-checks +30m +15m00s/);
  expect(text).toContain('~ Database size: one^[ table');
  expect(text).toContain('? What shall become of the orphans? (for Tech Lead to answer)');
  expect(text).toContain('The rehearsal goes on. To see it');
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(text).not.toContain('\u001b');
});

it('says until when a run waits, and for what', async () => {
  const run = await openTestRun({ rehearsal: false, begun: false });
  await run.happens(OPENS - 2 * MINUTE);
  await show(run, { tty: false, since: 0 }).says('· waits until 4 Mar 02:00 UTC for “Pre-checks”');
});

it('says so when the conductor was killed, and how to carry on with what can be', async () => {
  const rehearsal = await openTestRun();
  const other = show(rehearsal, { tty: false, since: 0 });
  await other.says('bound to db1/shop');
  await rehearsal.dies();
  await other.says('Nobody conducts this run any more. A rehearsal is not carried on.');
  const run = await openTestRun({ rehearsal: false });
  const plain = show(run, { tty: false, since: 0 });
  await plain.says('bound to db1/shop');
  await run.dies();
  await plain.says('Carry on (--as ROLE): `runbook run /there/runbook.yaml`');
});

it('gives a backfill at work another speed and number of workers, and says so when there is none', async () => {
  const run = await openTestRun();
  const plain = show(run, { tty: true });
  await plain.says('so far');
  plain.types('workers 3');
  await plain.says('No backfill is at work');
  await run.happens(OPENS + 31 * MINUTE, { type: 'step-begun', step: 'move-rows', attempt: 1 });
  await plain.says('Rows into the archive');
  plain.types('workers 99');
  await plain.says('A backfill has 1 to 16 workers; this one has 1 worker.');
  plain.types('workers 3');
  await plain.says('Ada (Developer) asked for 3 workers');
  plain.types('slower');
  await plain.says('asked for less speed');
  expect(await run.state()).toMatchObject({ workers: 3, speed: 0.5 });
});
