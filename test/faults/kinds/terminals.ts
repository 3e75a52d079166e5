import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { type Kind, type Outcome, tried } from '../kind.ts';
import type { Lab } from '../lab.ts';
import type { Conductor, Trial } from '../trial.ts';

const QUESTION = 'orphans';

/** Twenty terminals answer one question at once, while the conductor is at work or, now and then, stopped (SIGSTOP) until all have. */
export const terminals: Kind = async ({ lab, random, full }, onOutcome) => {
  for (let i = full ? 3 : 1; i > 0; i -= 1) {
    onOutcome(await atOnce(lab, full ? 20 : 5, i > 1 || random.chance(0.5)));
  }
};

async function atOnce(lab: Lab, count: number, stopped: boolean): Promise<Outcome> {
  const wrong: string[] = [];
  const how = `${count} terminals answer at once${stopped ? ', the conductor stopped meanwhile' : ''}`;
  const outcome = await tried(
    lab,
    how,
    async (trial) => {
      const conductor = trial.start();
      await asked(trial, conductor);
      if (stopped) conductor.process.kill('SIGSTOP');
      const told = await Promise.all(Array.from({ length: count }, () => answer(trial)));
      conductor.process.kill('SIGCONT');
      await trial.ended(conductor);
      wrong.push(...(await judged(trial, told, stopped ? count : 1)));
      return told.length;
    },
    { unanswered: [QUESTION] },
  );
  return { ...outcome, wrong: [...outcome.wrong, ...wrong] };
}

async function asked(trial: Trial, { process }: Conductor): Promise<void> {
  while (process.exitCode === null) {
    const prompts = (await trial.state())?.prompts ?? [];
    if (prompts.some(({ prompt }) => prompt.id === QUESTION)) return;
    await delay(20);
  }
}

/** One terminal of its own process. @returns what it is told, and its exit code */
async function answer(trial: Trial): Promise<{ code: number | undefined; said: string }> {
  const { program } = trial;
  const { exitCode, all } = await execa(
    process.execPath,
    [program, 'answer', trial.folder, '--prompt', QUESTION, '--choose', 'drop', '--as', 'ops', '--name', 'Ona'],
    { env: trial.env, extendEnv: false, reject: false, all: true, stdin: 'ignore' },
  );
  return { code: exitCode, said: all };
}

/** @param least as many answers have to be on record; who was too late may have been told so without */
async function judged(trial: Trial, told: { code: number | undefined; said: string }[], least: number) {
  const prompt = (await trial.state())?.prompts.find((each) => each.prompt.id === QUESTION);
  const answers = prompt?.answers ?? [];
  const counting = answers.filter(({ refused }) => refused === null);
  const unclear = told.filter(
    ({ code, said }) => code !== 0 && !/already answered|does not count|nothing|no longer/i.test(said),
  );
  return [
    ...(prompt?.settled && counting.length === 1 ? [] : [`${counting.length} answers count`]),
    ...(answers.length >= least ? [] : [`${answers.length} answers are on record of ${least}`]),
    ...unclear.map(({ code, said }) => `a terminal ended with ${code}: ${said}`),
  ];
}
