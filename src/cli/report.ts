import type { Command } from 'commander';
import { markdown } from '../report/markdown.ts';
import { timingReport } from '../report/report.ts';
import { json } from '../report/write.ts';
import { archiveAt, journalOption } from './journal-option.ts';
import { print } from './print.ts';
import { readRun } from './runs.ts';

/** `runbook report`: the report of a run so far, made of its journal alone. */
export function register(program: Command): void {
  program
    .command('report')
    .description('where the time went, who decided what, and whether it was a success')
    .argument('[run]', 'its name, or a path; the one opened last by default')
    .addOption(journalOption())
    .option('--json', 'as JSON')
    .action(async (name: string | undefined, flags: { json?: true; journal?: string }) => {
      const { journal, records } = await readRun(archiveAt(flags), name);
      await journal.close();
      const report = timingReport(records);
      print(flags.json ? json(report) : markdown(report));
    });
}
