import { Command, CommanderError } from 'commander';
import * as check from './check.ts';
import * as notify from './notify.ts';
import * as plan from './plan.ts';
import * as report from './report.ts';

/** Wrong arguments, as for a wrong runbook. */
const WRONG_ARGUMENTS = 2;

const program = new Command('runbook')
  .description('Walks an on-call engineer through a maintenance window, step by step.')
  .exitOverride();
for (const command of [check, plan, notify, report]) command.register(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : WRONG_ARGUMENTS;
}
