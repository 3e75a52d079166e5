import { constants, setPriority } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import type { Command } from 'commander';
import { INTERRUPTED, interruption } from './interruption.ts';
import { archiveAt, journalOption } from './journal-option.ts';
import { personOrWatcher } from './person.ts';
import { print } from './print.ts';
import { readRun } from './runs.ts';
import { standing } from './standing.ts';
import { attend, exitCode } from './terminal.ts';

/** `runbook attach`: follows a run from another terminal, and answers as whom one is. */
export function register(program: Command): void {
  program
    .command('attach')
    .description('follow a run from another terminal; answer as yourself')
    .argument('[run]', 'its name, or a path; the one opened last by default')
    .addOption(journalOption())
    .option('--as <role>', 'the role you have; where there are several, without it you watch')
    .option('--name <name>', 'your name, as the runbook has it')
    .option('--plain', 'one line an event instead of the screen')
    .action(
      async (
        name: string | undefined,
        flags: { as?: string; name?: string; plain?: true; journal?: string },
        command: Command,
      ) => {
        // A screen draws once a second, and rests: neither what V8 would compile for it besides, on threads of its own, nor the
        // collections of garbage that it begins whenever a process has come to rest, are ever earned back. What has to be
        // collected stops the process for a moment.
        for (const flag of ['--no-opt', '--no-maglev', '--no-incremental-marking']) setFlagsFromString(flag);
        const { journal, records, runbook } = await readRun(archiveAt(flags), name);
        const me = personOrWatcher(runbook, flags, command);
        const since = records.at(-1)?.seq ?? 0;
        // Who looks on gives way to the work.
        setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
        const interrupted = interruption();
        const plain = flags.plain ?? false;
        const state = await attend({
          journal,
          me,
          role: me.role,
          since,
          plain,
          endsRun: false,
          interruption: interrupted,
        });
        print(`\n${await standing(journal, runbook, state)}`);
        await journal.close();
        process.exitCode = interrupted.signal.aborted ? INTERRUPTED : exitCode(state);
      },
    );
}
