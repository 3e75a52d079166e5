import type { Command } from 'commander';
import { lockWarnings, runbookLockLines } from '../runbook/lock-lines.ts';
import { type Runbook, worksOnDatabase } from '../runbook/plan.ts';
import { parseRunbook, readSources, statementCount } from '../runbook/sources.ts';
import { stepLocks } from '../runbook/step-locks.ts';
import { checkTarget } from '../steps/target-check.ts';
import { plural } from '../ui/format.ts';
import { inert } from '../ui/inert.ts';
import { INTERRUPTED, interruption } from './interruption.ts';
import { print } from './print.ts';
import { orProblems } from './problems.ts';
import { secretsOf } from './secrets.ts';
import { targetLines } from './target-text.ts';

/** The exit code of a runbook that is in order, and would not run against that database. */
const WOULD_NOT_RUN = 1;

/** `runbook check`: would it run? Reads the YAML and the SQL; a database is asked only with `--target`. */
export function register(program: Command): void {
  program
    .command('check')
    .description('would it run? reads the runbook and its SQL')
    .argument('[file]', 'the runbook', 'runbook.yaml')
    .option('--target', 'also asks the database of PG* or DATABASE_URL, and changes nothing there')
    .action(async (file: string, { target }: { target?: true }) => {
      const runbook = await orProblems(async () => parseRunbook(await readSources(file)));
      if (!runbook) return;
      print(`${offline(file, runbook).map(inert).join('\n')}\n`);
      if (target && worksOnDatabase(runbook)) await ask(runbook);
      else if (target) print('\nIt works on no database, so that there is none to ask.\n');
    });
}

const LOCKS =
  'Locks, by step. What blocks reads or writes is waited for a second at most, and tried again; then people decide:';

function offline(file: string, runbook: Runbook): string[] {
  const { document, activities, sources } = runbook;
  const steps = activities.reduce((sum, { steps }) => sum + steps.length, 0);
  const locks = runbookLockLines(runbook);
  const known = activities.some((each) =>
    each.steps.some((step) => stepLocks(runbook, step).some((found) => found.locks.length > 0)),
  );
  const warnings = lockWarnings(runbook);
  return [
    `${file} is in order: ${document.title}`,
    `  ${plural(activities.length, 'activity', 'activities')}, ${plural(steps, 'step')}`,
    `  ${plural(Object.keys(sources.files).length, 'SQL file')}, ${plural(statementCount(sources), 'statement')}`,
    `  ${plural(Object.keys(document.messages).length, 'message')}, ${plural(document.success.length, 'success criterion', 'success criteria')}, ${plural(document.risks.length, 'risk')}`,
    ...(locks.length === 0 ? [] : ['', known ? LOCKS : 'What is locked cannot be told of these steps:']),
    ...locks.map((line) => `  ${line}`),
    ...(warnings.length === 0 ? [] : ['', 'Beside a live application, look at these again:']),
    ...warnings.map(({ file, line, message }) => `  ${file}:${line}: ${message}`),
  ];
}

async function ask(runbook: Runbook): Promise<void> {
  print('\nThe target, which is only looked at:\n');
  const { signal } = interruption();
  const { redact } = secretsOf(process.env);
  let wrong = 0;
  try {
    for await (const finding of checkTarget(runbook, process.env, signal)) {
      if (finding.verdict === 'wrong') wrong += 1;
      print(`${redact(targetLines(finding).join('\n'))}\n`);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    process.exitCode = INTERRUPTED;
    return;
  }
  if (wrong > 0) process.exitCode = WOULD_NOT_RUN;
  print(
    wrong === 0
      ? '\nIt would run, as far as can be told beforehand.\n'
      : `\nIt would not run as things are: ${wrong === 1 ? 'one thing stands' : `${wrong} things stand`} in the way.\n`,
  );
}
