import type { Command } from 'commander';
import { inert } from '../ui/inert.ts';
import { archiveAt, journalOption } from './journal-option.ts';
import { print } from './print.ts';

type What = 'list' | 'verify' | 'export';

/** `runbook journal`: the records of a run as they are, or whether they are whole. */
export function register(program: Command): void {
  const journal = program.command('journal').description('the records of a run: list, verify, export');
  const about: Record<What, string> = {
    list: 'one line a record',
    verify: 'whether every record follows from the one before it',
    export: 'as JSON lines',
  };
  for (const what of ['list', 'verify', 'export'] as const) {
    journal
      .command(what)
      .description(about[what])
      .argument('[run]', 'its name, or a path; the one opened last by default')
      .addOption(journalOption())
      .action(async (name: string | undefined, flags: { journal?: string }) => {
        const opened = await archiveAt(flags).open(name);
        try {
          const records = await opened.read(0);
          if (what === 'verify') {
            print(`${records.length} records, each following from the one before it; head ${records.at(-1)?.hash}\n`);
          } else if (what === 'export') {
            for (const record of records) print(`${JSON.stringify(record)}\n`);
          } else {
            for (const { seq, at, event } of records) {
              const { type, ...rest } = event;
              const about = 'step' in rest ? String(rest.step) : 'prompt' in rest ? JSON.stringify(rest.prompt) : '';
              print(
                `${String(seq).padStart(5)}  ${new Date(at).toISOString()}  ${type} ${inert(about).slice(0, 100)}\n`,
              );
            }
          }
        } finally {
          await opened.close();
        }
      });
  }
}
