import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Holder, Journal } from '../run/journal/journal.ts';
import type { RunState } from '../run/state.ts';
import { findStep, type Runbook } from '../runbook/plan.ts';
import { commandLine, type Place, placeOf } from '../ui/commands.ts';
import { held } from './held.ts';
import { INTERRUPTED, interruption } from './interruption.ts';
import { archiveAt, JOURNAL_VARIABLE, journalOption } from './journal-option.ts';
import { personAt } from './person.ts';
import { print } from './print.ts';
import { reportFolder } from './report-folder.ts';
import { readRun, runFolder } from './runs.ts';
import { attendRun } from './session.ts';

interface Flags {
  as?: string;
  name?: string;
  plain?: true;
  report: string;
  journal?: string;
}

/** How often it is looked whether the conductor has left, in ms. */
const LOOK_EVERY = 200;

/** The one who conducts now. Ends the program when nobody does, or nobody can be asked. */
async function conductorOf(journal: Journal, state: RunState, command: Command): Promise<Holder> {
  const refuse = (why: string) => command.error(`error: ${why}`);
  if (state.rehearsal) refuse('a rehearsal is conducted by the terminal that began it, and goes with it');
  if (state.outcome) refuse('this run is over');
  const holder = await journal.holder();
  const at = placeOf(state, journal);
  if (holder === null)
    return refuse(`nobody conducts this run. To carry on with it (--as ROLE):\n  ${commandLine(at, 'run')}`);
  if (holder.silent) throw held(holder, at);
  return holder;
}

/** What the conductor is at, in words, for whoever waits for it. */
function underWay({ steps }: RunState, runbook: Runbook): string {
  const running = Object.keys(steps).find((id) => steps[id]?.status === 'running' || steps[id]?.status === 'undoing');
  const title = running === undefined ? undefined : findStep(runbook, running)?.step.title;
  return title === undefined ? '' : `; it is at “${title}”, which it finishes or leaves where that is safe`;
}

/** @throws LeaseHeld when the conductor is not heard of any more meanwhile */
async function untilItLeft(journal: Journal, { token }: Holder, at: Place, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const now = await journal.holder();
    if (now === null || now.token !== token) return;
    if (now.silent) throw held(now, at);
    await delay(LOOK_EVERY, undefined, { signal }).catch(() => undefined);
  }
}

async function handover(name: string | undefined, flags: Flags, command: Command): Promise<void> {
  const { journal, runbook, state } = await readRun(archiveAt(flags), name);
  const me = personAt(runbook, flags, command);
  const holder = await conductorOf(journal, state, command);
  const report = await reportFolder(flags.report, state.run, command);
  const folder = await runFolder(state.run);
  const interrupted = interruption();
  await journal.append('terminal', Date.now() + state.aheadMs, [{ type: 'requested', request: 'hand-over', by: me }]);
  print(`Process ${holder.pid} on ${holder.host} is asked to hand the run over${underWay(state, runbook)} …\n`);
  const at = placeOf(state, journal);
  await untilItLeft(journal, holder, at, interrupted.signal);
  if (interrupted.signal.aborted) {
    print(`It leaves all the same. To carry on, here or there (--as ROLE):\n  ${commandLine(at, 'run')}\n`);
    process.exitCode = INTERRUPTED;
  } else {
    process.exitCode = await attendRun({
      // That the one before has left is old news.
      opened: { run: state.run, journal, since: (await journal.read(0)).at(-1)?.seq ?? 0 },
      folder,
      runbook,
      me,
      role: me.role,
      env: flags.journal === undefined ? process.env : { ...process.env, [JOURNAL_VARIABLE]: flags.journal },
      flags: [],
      report,
      rehearsal: false,
      plain: flags.plain ?? false,
      leaveOpen: false,
      interruption: interrupted,
    });
  }
  await journal.close();
}

/** `runbook handover`: has the conductor leave, and conducts from this machine. */
export function register(program: Command): void {
  program
    .command('handover')
    .description('have the conductor of a run leave as soon as it may, and conduct from here')
    .argument('[run]', 'its name, or a path; the one opened last by default')
    .addOption(journalOption())
    .option('--as <role>', 'the role you have')
    .option('--name <name>', 'your name, as the runbook has it')
    .option('--plain', 'one line an event instead of the screen')
    .option('--report <folder>', 'where the report goes', 'reports')
    .action(handover);
}
