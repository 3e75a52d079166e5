import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { WrongArguments } from './archive.ts';
import { complain } from './print.ts';
import { goWhereAsked } from './whence.ts';

/** Wrong arguments, as for a wrong runbook. */
const WRONG_ARGUMENTS = 2;

/** The commands, in the order of the help. */
const COMMANDS = {
  rehearse: () => import('./rehearse.ts'),
  check: () => import('./check.ts'),
  plan: () => import('./plan.ts'),
  run: () => import('./run.ts'),
  attach: () => import('./attach.ts'),
  answer: () => import('./answer.ts'),
  handover: () => import('./handover.ts'),
  status: () => import('./status.ts'),
  report: () => import('./report.ts'),
  journal: () => import('./journal.ts'),
  notify: () => import('./notify.ts'),
  conduct: () => import('./conduct.ts'),
};

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

goWhereAsked();

const program = new Command('runbook')
  .description('Walks an on-call engineer through a maintenance window, step by step.')
  .version(version, '-V, --version', 'which version this is')
  // What was wrongly typed is repeated in it.
  .configureOutput({ writeErr: (text) => complain(text.trimEnd()) })
  .exitOverride();
// Only the one that is asked for is loaded: the libraries of all of them take longer than a terminal does to attach.
const asked = process.argv[2] ?? '';
const wanted = Object.entries(COMMANDS).filter(([name]) => !(asked in COMMANDS) || name === asked);
for (const command of await Promise.all(wanted.map(([, load]) => load()))) command.register(program);

/** Mistakes of this program, which keep their stack. Everything else is said in words. */
const OUR_MISTAKES = [TypeError, ReferenceError, RangeError];

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : WRONG_ARGUMENTS;
  } else if (error instanceof Error && !OUR_MISTAKES.some((mistake) => error instanceof mistake)) {
    const advice =
      'advice' in error && typeof error.advice === 'string' && error.advice !== '' ? ` ${error.advice}` : '';
    complain(`${error.message}${advice}`);
    process.exit(error instanceof WrongArguments ? WRONG_ARGUMENTS : 1);
  } else {
    complain(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exit(1);
  }
}
