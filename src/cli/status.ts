import type { Command } from 'commander';
import { forecast } from '../run/forecast.ts';
import { jsonText } from '../run/json-text.ts';
import { archiveAt, journalOption } from './journal-option.ts';
import { print } from './print.ts';
import { readRun } from './runs.ts';
import { standing } from './standing.ts';

/** `runbook status`: how a run stands, on one screen of text. */
export function register(program: Command): void {
  program
    .command('status')
    .description('how a run stands, on one screen')
    .argument('[run]', 'its name, or a path; the one opened last by default')
    .addOption(journalOption())
    .option('--json', 'the state and the forecast as JSON')
    .action(async (name: string | undefined, flags: { json?: true; journal?: string }) => {
      const { journal, runbook, state } = await readRun(archiveAt(flags), name);
      if (flags.json) {
        const holder = await journal.holder();
        const expected = forecast(runbook, state, await journal.pulses(), Date.now() + state.aheadMs);
        // Its text is in the journal, for `journal export`; `pin` says which version it is.
        const { sources: _sources, ...shown } = state;
        print(`${jsonText({ ...shown, holder, forecast: expected }, 2)}\n`);
      } else print(await standing(journal, runbook, state));
      await journal.close();
    });
}
