import { basename, dirname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { Deliveries } from '../notify/deliveries.ts';
import { openOutbox } from '../notify/outbox.ts';
import { EmptyJournal } from '../report/report.ts';
import { writeReport } from '../report/write.ts';
import { jumpingClock, wallClock } from '../run/clock.ts';
import { Conductor } from '../run/conductor.ts';
import { coveredJournal } from '../run/journal/covered.ts';
import { runbookOf } from '../run/pins.ts';
import { openPerformer } from '../steps/performer.ts';
import { openWatchers } from '../steps/watch.ts';
import { databaseArchive } from './database-archive.ts';
import { JOURNAL_VARIABLE } from './journal-option.ts';
import { localArchive } from './local-archive.ts';
import { queryAudience } from './query-audience.ts';
import { stateOf } from './runs.ts';
import { secretsOf } from './secrets.ts';
import { takeOver } from './take-over.ts';

interface Flags {
  report: string;
  as: string;
  name: string;
  wait: boolean;
  fail: string[];
  withParent?: true;
  takeOver?: true;
}

async function conduct(folder: string, flags: Flags): Promise<void> {
  const leaving = new AbortController();
  if (flags.withParent) {
    const orphaned = () => leaving.abort(new Error('The rehearsal has ended.'));
    process.on('disconnect', orphaned);
    // The terminal may have gone before this process could listen.
    if (!process.connected) orphaned();
  }
  process.on('SIGTERM', () => leaving.abort(new Error('The conductor was told to end (SIGTERM).')));
  // The terminal that started it may go; the run goes on.
  process.on('SIGHUP', () => undefined);
  process.on('SIGINT', () => undefined);

  await using closing = new AsyncDisposableStack();
  const url = process.env[JOURNAL_VARIABLE];
  const redactor = secretsOf(process.env);
  const opened = await (url === undefined
    ? localArchive(dirname(folder)).open(folder)
    : databaseArchive(url).open(basename(folder)));
  const journal = coveredJournal(opened, redactor);
  closing.defer(() => journal.close());
  const lease = await (flags.takeOver ? takeOver(journal, leaving.signal) : journal.acquire());
  closing.defer(() => journal.release(lease));
  const state = stateOf(await journal.read(0));
  if (state === null) throw new EmptyJournal();
  const { rehearsal, run } = state;
  const runbook = runbookOf(state);
  const env = process.env;
  const performer = openPerformer({ runbook, env, redactor, exports: join(flags.report, 'exports') });
  closing.defer(() => performer.close());
  const deliveries = await Deliveries.open(journal, lease);
  const outbox = openOutbox({ runbook, run, env, queryAudience, deliveries });
  closing.defer(() => outbox.close());
  closing.defer(async () => void (await writeReport(await journal.read(0), flags.report)));
  try {
    const conductor = await Conductor.open({
      journal,
      lease,
      by: { name: flags.name, role: flags.as },
      runbook,
      performer,
      outbox,
      watchers: openWatchers({ runbook, env, redactor }),
      clock: (aheadMs, onJump) => (rehearsal ? jumpingClock(aheadMs, onJump) : wallClock),
      wait: flags.wait,
      failing: new Set(flags.fail),
      signal: leaving.signal,
    });
    await conductor.conduct();
  } catch (error) {
    // Told to leave, it has left in order; why is in the journal.
    if (error !== leaving.signal.reason) throw error;
  }
}

/** What went wrong first, where putting things away then went wrong as well. */
function firstOf(error: unknown): unknown {
  return error instanceof SuppressedError ? firstOf(error.suppressed) : error;
}

/**
 * Says why it ends to the terminal that started it, if that is still there: on a full disk neither journal nor log take a
 * word.
 */
async function lastWords(error: unknown): Promise<void> {
  const words = error instanceof Error ? error.message : String(error);
  await new Promise<unknown>((said) => (process.connected ? process.send?.(words, said) : said(null)));
}

/** `runbook conduct`: the process that performs a run's steps. Started by `run` and `rehearse`, not by a person. */
export function register(program: Command): void {
  program
    .command('conduct', { hidden: true })
    .argument('<folder>')
    .requiredOption('--report <folder>')
    .requiredOption('--as <role>')
    .requiredOption('--name <name>')
    .option('--no-wait')
    .addOption(new Option('--fail <steps...>').default([]))
    .option('--with-parent')
    .option('--take-over')
    .action(async (folder: string, flags: Flags) => {
      try {
        await conduct(folder, flags);
      } catch (error) {
        await lastWords(firstOf(error));
        throw firstOf(error);
      } finally {
        // The channel to its terminal would keep this process from ending.
        if (process.connected) process.disconnect();
      }
      process.exit();
    });
}
