import type { Command } from 'commander';
import { type Previewed, preview } from '../notify/preview.ts';
import { parseRunbook, readSources } from '../runbook/sources.ts';
import { inert } from '../ui/inert.ts';
import { journalOption } from './journal-option.ts';
import { moment } from './plan.ts';
import { print } from './print.ts';
import { orProblems } from './problems.ts';
import { send } from './send.ts';

function shown({ message, recipient, headers, body }: Previewed): string {
  return [
    inert(`── ${message}, to ${recipient}`),
    ...headers.map(([name, value]) => inert(`   ${name}: ${value}`)),
    '',
    ...body
      .trimEnd()
      .split('\n')
      .map((line) => inert(`   ${line}`).trimEnd()),
    '',
  ].join('\n');
}

/** `runbook notify preview`: what would be said, to whom, in which words; sends nothing. `send`: see there. */
export function register(program: Command): void {
  const notify = program.command('notify').description('the messages of a runbook');
  notify
    .command('send')
    .description('send what a run still owed when it ended, as when the mail server was away; nobody gets it twice')
    .argument('[run]', 'its name, or a path; the one opened last by default')
    .option('--take-over', 'in place of a conductor that has been silent for half a minute')
    .addOption(journalOption())
    .action(send);
  notify
    .command('preview')
    .description('every message as each kind of recipient would get it; sends nothing')
    .argument('[file]', 'the runbook', 'runbook.yaml')
    .option('--opens <time>', 'as if the window opened then, such as 2025-11-10T02:00:00Z', moment)
    .action(async (file: string, { opens }: { opens?: number }) => {
      const runbook = await orProblems(async () =>
        parseRunbook(await readSources(file), opens === undefined ? {} : { opens }),
      );
      if (runbook) print(`${preview(runbook).map(shown).join('\n')}\nNothing was sent.\n`);
    });
}
