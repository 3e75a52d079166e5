import { setTimeout as delay } from 'node:timers/promises';
import { each, type Kind, some, tried } from '../kind.ts';
import type { Conductor, Trial } from '../trial.ts';

/** The conductor is killed (SIGKILL) right before each append to the journal, a file or in a database, and right after it. */
export const appends: Kind = async ({ lab, random, full }, onOutcome) => {
  const all = Array.from({ length: lab.appends }, (_, i) =>
    [false, true].flatMap((inDatabase) =>
      ['die-before', 'die-after'].map((how) => ({ fault: `${how} ${i + 1}`, inDatabase })),
    ),
  ).flat();
  await each(full ? all : some(all, 3, random), async ({ fault, inDatabase }) => {
    const befall = async (trial: Trial) => {
      const conductor = trial.start(fault);
      await trial.ended(conductor);
      return conductor.process.signalCode === 'SIGKILL' ? 1 : 0;
    };
    const told = `${fault}${inDatabase ? ', its journal in a database' : ''}`;
    onOutcome(await tried(lab, told, befall, { inDatabase }));
  });
};

/** How long a run is at work once its conductor has begun, about, in ms. */
const SPAN = 1_200;

/** Conductors are killed at random moments, up to three in a run, and 200 of them in all. */
export const moments: Kind = async ({ lab, random, full }, onOutcome) => {
  const kills = full ? 200 : 1;
  const runs = Array.from({ length: kills }, () =>
    Array.from({ length: random.between(1, 3) }, () => random.between(0, SPAN)),
  );
  let killed = 0;
  await each(runs, async (waits) => {
    if (killed >= kills) return;
    const fault = `killed ${waits.join(' ms, then ')} ms after a conductor began`;
    const outcome = await tried(lab, fault, (trial) => killedAfter(trial, waits));
    killed += outcome.injected;
    onOutcome(outcome);
  });
};

async function killedAfter(trial: Trial, waits: number[]): Promise<number> {
  let killed = 0;
  for (const wait of waits) {
    if ((await trial.state())?.outcome) break;
    const conductor = trial.start();
    await begun(trial, conductor);
    await Promise.race([delay(wait), conductor.ended]);
    conductor.process.kill('SIGKILL');
    await conductor.ended;
    if (conductor.process.signalCode === 'SIGKILL') killed += 1;
  }
  return killed;
}

/** Resolves when this conductor has put its beginning, and so many records, on record, or has ended. */
export async function begun(trial: Trial, { process }: Conductor, seq = 0): Promise<void> {
  while (process.exitCode === null && process.signalCode === null) {
    const state = await trial.state();
    if (state && state.conductor?.pid === process.pid && state.seq >= seq) return;
    await delay(20);
  }
}
