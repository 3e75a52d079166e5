import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { journalOf } from '../../../src/cli/runs.ts';
import { LAPSE } from '../../../src/run/journal/lease.ts';
import { each, type Kind, tried } from '../kind.ts';
import type { Conductor, Trial } from '../trial.ts';
import { begun } from './killed.ts';

/** One conductor stopped, and another in its place. Times in ms. */
interface Sleep {
  /** How long after its beginning it is stopped. */
  after: number;
  /** How long after the other's beginning it wakes. */
  until: number;
  /** Its lease is dated back instead of waiting for the lapse. */
  hurried: boolean;
}

/**
 * A conductor is stopped (SIGSTOP) at a random moment, another takes the run over, and the first wakes while that one is at
 * work, or when it has done. They sleep side by side: each sleeps for the whole lapse of its lease.
 */
export const suspended: Kind = async ({ lab, random, full }, onOutcome) => {
  const sleeps = Array.from({ length: full ? 24 : 1 }, () => ({
    after: random.between(0, 1_200),
    until: random.between(0, 2_500),
    hurried: !full,
  }));
  const sleep = async (how: Sleep) => {
    const fault = `stopped ${how.after} ms after it began, woken ${how.until} ms after the other began`;
    onOutcome(await tried(lab, fault, (trial) => takenOver(trial, how)));
  };
  await each(sleeps, sleep, 8);
};

async function takenOver(trial: Trial, { after, until, hurried }: Sleep): Promise<number> {
  const first = trial.start();
  // A hurried one is not stopped before its backfill: it has not slept long enough to ask for its lease before a command.
  await begun(trial, first, hurried ? 9 : 0);
  await delay(after);
  await stop(trial, first);
  if (first.process.exitCode !== null) return 0;
  if (hurried) dateBack(trial);
  else await delay(LAPSE);
  const second = trial.start('', {}, ['--take-over']);
  await begun(trial, second);
  await Promise.race([delay(until), second.ended]);
  first.process.kill('SIGCONT');
  await Promise.all([trial.ended(first), trial.ended(second)]);
  const conductors = (await trial.journal.read(0)).filter(({ event }) => event.type === 'conductor-started');
  return conductors.length === 2 ? 1 : 0;
}

/** Stops it at a moment when it does not hold the lock of the journal's file: with that, nobody can go on in its place. */
async function stop(trial: Trial, { process }: Conductor): Promise<void> {
  const journal = new DatabaseSync(journalOf(trial.folder), { timeout: 100 });
  try {
    for (;;) {
      process.kill('SIGSTOP');
      try {
        journal.exec('begin immediate; rollback');
        return;
      } catch {
        process.kill('SIGCONT');
        await delay(5);
      }
    }
  } finally {
    journal.close();
  }
}

function dateBack(trial: Trial): void {
  const journal = new DatabaseSync(journalOf(trial.folder));
  journal.exec(`update lease set uptime = uptime - ${2 * LAPSE}`);
  journal.close();
}
