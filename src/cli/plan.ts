import { type Command, InvalidArgumentError } from 'commander';
import { instant } from '../runbook/fields.ts';
import { psqlScript } from '../runbook/psql-script.ts';
import { parseRunbook, readSources } from '../runbook/sources.ts';
import { planText } from './plan-text.ts';
import { print } from './print.ts';
import { orProblems } from './problems.ts';

/** A moment given on the command line, in ms since the epoch. @throws InvalidArgumentError */
export function moment(text: string): number {
  const { data, error } = instant.safeParse(text);
  if (data === undefined) throw new InvalidArgumentError(`${text} ${error?.issues[0]?.message}`);
  return data;
}

/** `runbook plan`: what would happen, when, and with `--sql` by which statements. Asks no database. */
export function register(program: Command): void {
  program
    .command('plan')
    .description('the timeline: in UTC and local time, with estimates, owners and steps')
    .argument('[file]', 'the runbook', 'runbook.yaml')
    .option('--opens <time>', 'as if the window opened then, such as 2025-11-10T02:00:00Z', moment)
    .option('--sql', 'every statement, as a script for psql')
    .action(async (file: string, { opens, sql }: { opens?: number; sql?: true }) => {
      const runbook = await orProblems(async () =>
        parseRunbook(await readSources(file), opens === undefined ? {} : { opens }),
      );
      if (runbook) print(sql ? psqlScript(runbook) : `${planText(runbook)}\n`);
    });
}
