import type { Command } from 'commander';
import { openSqliteJournal } from '../run/sqlite-journal.ts';
import { parseRunbook } from '../runbook/sources.ts';
import { lookOf } from '../ui/look.ts';
import { summary } from '../ui/summary.ts';
import { personAt } from './person.ts';
import { print } from './print.ts';
import { findRun, journalOf } from './runs.ts';
import { attend, exitCode } from './terminal.ts';

/** `runbook attach`: follows a run from another terminal, and answers as whom one is. */
export function register(program: Command): void {
  program
    .command('attach')
    .description('follow a run from another terminal; answer as yourself')
    .argument('[run]', 'its name, or a path; the one opened last by default')
    .option('--as <role>', 'the role you have')
    .option('--name <name>', 'your name, as the runbook has it')
    .option('--plain', 'one line an event instead of the screen')
    .action(async (name: string | undefined, flags: { as?: string; name?: string; plain?: true }, command: Command) => {
      const journal = await openSqliteJournal(journalOf(await findRun(name)));
      const records = await journal.read(0);
      const [first] = records;
      if (first?.event.type !== 'run-opened') return;
      const { sources, opens, settings } = first.event;
      const runbook = parseRunbook(sources, { opens, settings });
      const leaving = new AbortController();
      process.once('SIGINT', () => leaving.abort());
      process.once('SIGHUP', () => leaving.abort());
      const me = personAt(runbook, flags, command);
      const since = records.at(-1)?.seq ?? 0;
      const state = await attend({ journal, me, since, plain: flags.plain ?? false, signal: leaving.signal });
      print(`\n${summary({ runbook, state, pulses: [], now: Date.now() + state.aheadMs }, lookOf(process.env))}\n`);
      await journal.close();
      process.exitCode = exitCode(state);
    });
}
