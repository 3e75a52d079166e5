import type { Command } from 'commander';
import { forecast } from '../run/forecast.ts';
import { jsonText } from '../run/json-text.ts';
import { ABANDONED } from '../ui/following.ts';
import { lookOf } from '../ui/look.ts';
import { summary } from '../ui/summary.ts';
import { archiveAt, journalOption } from './journal-option.ts';
import { print } from './print.ts';
import { readRun } from './runs.ts';

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
      const pulses = await journal.pulses();
      const holder = await journal.holder();
      await journal.close();
      const now = Date.now() + state.aheadMs;
      if (flags.json) {
        const expected = forecast(runbook, state, pulses, now);
        // Its text is in the journal, for `journal export`; `pin` says which version it is.
        const { sources: _sources, ...shown } = state;
        return print(`${jsonText({ ...shown, holder, forecast: expected }, 2)}\n`);
      }
      print(`${summary({ runbook, state, pulses, now }, lookOf(process.env))}\n`);
      if (state.conductor && !holder) print(`\n${ABANDONED}\n`);
    });
}
