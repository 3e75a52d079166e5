import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { markdown } from '../report/markdown.ts';
import { timingReport } from '../report/report.ts';
import { json } from '../report/write.ts';
import { openSqliteJournal } from '../run/sqlite-journal.ts';
import { print } from './print.ts';

/** `runbook report`: the report of a run so far, made of its journal alone. */
export function register(program: Command): void {
  program
    .command('report')
    .description('where the time went, who decided what, and whether it was a success')
    .argument('<journal>', "the run's journal file")
    .option('--json', 'as JSON')
    .action(async (path: string, { json: asJson }: { json?: true }, command: Command) => {
      if (!existsSync(path)) command.error(`error: there is no journal at ${path}`);
      const journal = await openSqliteJournal(path);
      try {
        const report = timingReport(await journal.read(0));
        print(asJson ? json(report) : markdown(report));
      } finally {
        await journal.close();
      }
    });
}
