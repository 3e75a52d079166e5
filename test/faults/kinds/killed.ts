import { setTimeout as delay } from 'node:timers/promises';
import { each, type Kind, some, tried } from '../kind.ts';
import type { Conductor, Trial } from '../trial.ts';

/** The conductor is killed (SIGKILL) right before each append to the journal, and right after it. */
export const appends: Kind = async ({ lab, random, full }, onOutcome) => {
  const all = Array.from({ length: lab.appends }, (_, i) => [`die-before ${i + 1}`, `die-after ${i + 1}`]).flat();
  await each(full ? all : some(all, 4, random), async (fault) => {
    const outcome = await tried(lab, fault, async (trial) => {
      const conductor = trial.start(fault);
      await trial.ended(conductor);
      return conductor.process.signalCode === 'SIGKILL' ? 1 : 0;
    });
    onOutcome(outcome);
  });
};

/** How long a run is at work once its conductor has begun, about, in ms. */
const SPAN = 1_200;

/** Conductors are killed at random moments, each up to three times in a run. */
export const moments: Kind = async ({ lab, random, full }, onOutcome) => {
  const runs = Array.from({ length: full ? 200 : 2 }, () =>
    Array.from({ length: random.between(1, 3) }, () => random.between(0, SPAN)),
  );
  await each(runs, async (waits) => {
    const fault = `killed ${waits.join(' ms, then ')} ms after a conductor began`;
    onOutcome(await tried(lab, fault, (trial) => killedAfter(trial, waits)));
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
    await delay(5);
  }
}
