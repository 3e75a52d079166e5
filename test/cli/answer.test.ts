import { execa } from 'execa';
import { expect, test } from 'vitest';
import { answerPrepared } from '../../src/cli/prepared-answers.ts';
import { bound } from '../../src/run/answering/answers.ts';
import { ADA } from '../run/archive.ts';
import { eventually } from '../support/eventually.ts';
import { OPENS, openTestRun, orphans, type TestRun } from '../ui/run.ts';

const answer = ({ path }: TestRun, name: string, ...args: string[]) =>
  execa(
    process.execPath,
    ['--import', 'tsx', 'src/cli/main.ts', 'answer', path, '--as', 'lead', '--name', name, ...args],
    { reject: false, stdin: 'ignore' },
  );

test('who answers from a shell is told what came of it: it counts, it came second, nobody acts on it yet', async () => {
  const run = await openTestRun();
  await run.happens(OPENS, { type: 'prompt-opened', prompt: orphans() });
  const both = [
    answer(run, 'Grace', '--choose', 'leave'),
    answer(run, 'Barbara', '--choose', 'drop', '--reason', 'nobody asks for them'),
  ];
  const given = async () => (await run.state()).prompts[0]?.answers;
  await eventually(async () => expect(await given()).toHaveLength(2));
  await run.settles('orphans');
  const [first, second] = (await Promise.all(both)).toSorted(
    (one, other) => (one.exitCode ?? 0) - (other.exitCode ?? 0),
  );
  expect(first).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^On record as \d+: .*\. It counts\.$/) });
  expect(second).toMatchObject({ stderr: expect.stringMatching(/on record, but it does not count: It came second/) });

  await run.happens(OPENS, { type: 'prompt-opened', prompt: { ...orphans(), round: 2 } });
  await run.dies();
  expect((await answer(run, 'Grace', '--choose', 'leave')).stdout).toMatch(/Nobody conducts this run at present/);
});

test('a prepared answer that cannot be put on record is told of, and nobody is left to think that it was given', async () => {
  const run = await openTestRun();
  await run.happens(OPENS, { type: 'prompt-opened', prompt: orphans() });
  const read = (after: number) => run.journal.read(after);
  const pulses = () => run.journal.pulses();
  const append = () => Promise.reject(new Error('the disk is full'));
  const full = { ...run.journal, interval: 1, read, pulses, append };
  const given = answerPrepared({
    journal: full,
    answers: { orphans: { choose: 'leave', as: 'lead' } },
    proof: 'rehearsal',
    otherwise: 'leave-it',
    by: ADA,
    signal: AbortSignal.timeout(10_000),
  });
  await expect(given).rejects.toThrow(/^The prepared answer to orphans is not on record, .*: the disk is full$/);
});

test('a terminal that waits for nobody lets the conductor ask about changed files before it has it leave', async () => {
  const run = await openTestRun();
  const [opened] = await run.records();
  if (opened?.event.type !== 'run-opened') throw new Error('no run');
  const { sources, people } = opened.event;
  const change = { sources, people, diff: '+ a line', by: ADA, reason: 'a slip' };
  const unanswered = { ...orphans(), id: 'nobody-answers' };
  await run.happens(
    OPENS,
    { type: 'prompt-opened', prompt: unanswered },
    { type: 'prompt-opened', prompt: orphans() },
    { type: 'change-proposed', ...change },
  );
  const leaving = new AbortController();
  const given = answerPrepared({
    journal: run.journal,
    answers: { orphans: { choose: 'leave', as: 'lead' } },
    proof: 'named',
    otherwise: 'stop',
    by: ADA,
    signal: leaving.signal,
  });
  await eventually(async () => expect((await run.state()).prompts[1]?.answers).toHaveLength(1));
  const stopping = async () => (await run.state()).stopping;
  expect(await stopping()).toBeNull();
  const asking = { ...orphans(), id: 'changed-runbook', kind: 'change' as const };
  await run.happens(OPENS, { type: 'prompt-opened', prompt: asking });
  await eventually(async () => expect(await stopping()).toBe('stop-unanswered'));
  leaving.abort();
  await given;
});

test('a terminal that waits for nobody leaves a question to the conductor that somebody has answered already', async () => {
  const run = await openTestRun();
  await run.happens(OPENS, { type: 'prompt-opened', prompt: orphans() });
  const by = { name: 'Grace', role: 'lead' };
  const given = bound(await run.state(), {
    prompt: 'orphans',
    round: 1,
    choose: 'leave',
    by,
    proof: 'named',
    from: 'shell',
  });
  await run.journal.append('terminal', OPENS, [{ type: 'prompt-answered', answer: given }]);
  let looked = 0;
  const read = async (after: number) => {
    const records = await run.journal.read(after);
    if (records.length === 0) looked += 1;
    return records;
  };
  const leaving = new AbortController();
  const answering = answerPrepared({
    journal: { ...run.journal, read },
    answers: {},
    proof: 'named',
    otherwise: 'stop',
    by: ADA,
    signal: leaving.signal,
  });
  const stops = async () => (await run.records()).filter(({ event }) => event.type === 'requested').length;
  await eventually(() => expect(looked).toBeGreaterThan(0));
  expect(await stops()).toBe(0);
  await run.happens(OPENS, { type: 'prompt-opened', prompt: { ...orphans(), id: 'nobody-answers' } });
  await eventually(async () => expect(await stops()).toBe(1));
  leaving.abort();
  await answering;
});
