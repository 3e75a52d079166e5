import type { Command } from 'commander';
import { forecast } from '../run/forecast.ts';
import { openSqliteJournal } from '../run/sqlite-journal.ts';
import { parseRunbook } from '../runbook/sources.ts';
import { lookOf } from '../ui/look.ts';
import { summary } from '../ui/summary.ts';
import { print } from './print.ts';
import { findRun, journalOf, stateOf } from './runs.ts';

/** `runbook status`: how a run stands, on one screen of text. */
export function register(program: Command): void {
  program
    .command('status')
    .description('how a run stands, on one screen')
    .argument('[run]', 'its name, or a path; the one opened last by default')
    .option('--json', 'the state and the forecast as JSON')
    .action(async (name: string | undefined, flags: { json?: true }) => {
      const journal = await openSqliteJournal(journalOf(await findRun(name)));
      try {
        const records = await journal.read(0);
        const [first] = records;
        const state = stateOf(records);
        if (first?.event.type !== 'run-opened' || !state) return;
        const { sources, opens, settings } = first.event;
        const runbook = parseRunbook(sources, { opens, settings });
        const pulses = await journal.pulses();
        const now = Date.now() + state.aheadMs;
        print(
          flags.json
            ? `${JSON.stringify({ ...state, forecast: forecast(runbook, state, pulses, now) }, null, 2)}\n`
            : `${summary({ runbook, state, pulses, now }, lookOf(process.env))}\n`,
        );
      } finally {
        await journal.close();
      }
    });
}
