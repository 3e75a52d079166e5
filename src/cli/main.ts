import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { inert } from '../ui/inert.ts';
import * as answer from './answer.ts';
import { WrongArguments } from './archive.ts';
import * as attach from './attach.ts';
import * as check from './check.ts';
import * as conduct from './conduct.ts';
import * as handover from './handover.ts';
import * as journal from './journal.ts';
import * as notify from './notify.ts';
import * as plan from './plan.ts';
import * as rehearse from './rehearse.ts';
import * as report from './report.ts';
import * as run from './run.ts';
import * as status from './status.ts';

/** Wrong arguments, as for a wrong runbook. */
const WRONG_ARGUMENTS = 2;

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

const program = new Command('runbook')
  .description('Walks an on-call engineer through a maintenance window, step by step.')
  .version(version, '-V, --version', 'which version this is')
  .exitOverride();
for (const command of [rehearse, check, plan, run, attach, answer, handover, status, report, journal, notify, conduct])
  command.register(program);

/** Mistakes of this program, which keep their stack. Everything else is said in words. */
const OUR_MISTAKES = [TypeError, ReferenceError, RangeError];

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : WRONG_ARGUMENTS;
  } else if (error instanceof Error && !OUR_MISTAKES.some((mistake) => error instanceof mistake)) {
    const advice = 'advice' in error && typeof error.advice === 'string' ? ` ${error.advice}` : '';
    process.stderr.write(`${`${error.message}${advice}`.split('\n').map(inert).join('\n')}\n`);
    process.exit(error instanceof WrongArguments ? WRONG_ARGUMENTS : 1);
  } else {
    throw error;
  }
}
