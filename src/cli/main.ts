import { Command, CommanderError } from 'commander';
import { JournalBroken, LeaseHeld } from '../run/journal.ts';
import * as attach from './attach.ts';
import * as check from './check.ts';
import * as conduct from './conduct.ts';
import * as journal from './journal.ts';
import * as notify from './notify.ts';
import * as plan from './plan.ts';
import * as rehearse from './rehearse.ts';
import * as report from './report.ts';
import * as run from './run.ts';
import { NoSuchRun } from './runs.ts';
import * as status from './status.ts';

/** Wrong arguments, as for a wrong runbook. */
const WRONG_ARGUMENTS = 2;

const program = new Command('runbook')
  .description('Walks an on-call engineer through a maintenance window, step by step.')
  .exitOverride();
for (const command of [rehearse, check, plan, run, attach, status, report, journal, notify, conduct])
  command.register(program);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : WRONG_ARGUMENTS;
  } else if (error instanceof NoSuchRun) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = WRONG_ARGUMENTS;
  } else if (error instanceof LeaseHeld || error instanceof JournalBroken) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
