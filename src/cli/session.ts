import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { writeReport } from '../report/write.ts';
import type { JournalRecord, Person } from '../run/events.ts';
import type { Journal } from '../run/journal/journal.ts';
import type { Runbook } from '../runbook/plan.ts';
import type { RehearsalAnswer } from '../runbook/schema.ts';
import { inert } from '../ui/inert.ts';
import { INTERRUPTED, type Interruption } from './interruption.ts';
import { endedAtLogout, thisHost } from './logout.ts';
import { answerPrepared } from './prepared-answers.ts';
import { print } from './print.ts';
import { type Opened, stateOf } from './runs.ts';
import { standing } from './standing.ts';
import { type Ended, startConductor } from './start-conductor.ts';
import { attend, exitCode, loadTerminal } from './terminal.ts';

export interface Session {
  opened: Opened;
  /** Where the run keeps what is not in the journal; named after it. */
  folder: string;
  runbook: Runbook;
  me: Person;
  /** The role given with --as, in which alone is answered from here; null when none was. */
  role: string | null;
  env: NodeJS.ProcessEnv;
  /** Further arguments of the conductor. */
  flags: string[];
  /** Where the report is written, an absolute path. */
  report: string;
  rehearsal: boolean;
  plain: boolean;
  /** Prepared answers; without them, people answer everything. */
  answers?: Record<string, RehearsalAnswer>;
  /** Given with a prepared answer that has no reason of its own where one is needed. */
  reason?: string;
  /** Leave, rather than wait, when a question has no prepared answer. */
  leaveOpen: boolean;
  interruption: Interruption;
  /** Told the conductor's pid as soon as it runs. */
  onConductor?(pid: number): Promise<void>;
}

/** The exit code of a run that a failed conductor has left where it was. */
const FAILED = 1;

/** How long a conductor is given to end in order before its journal is read without it, in ms. */
const GRACE = 60_000;
/** Lines of its log that tell why a conductor failed before it could put that on record. */
const LAST_LINES = 8;

/** What the last conductor put on record when it left; undefined when it did not. */
function leaving(since: number, records: JournalRecord[]): string | undefined {
  const left = records.findLast(({ seq, event }) => seq > since && event.type === 'conductor-left')?.event;
  return left?.type === 'conductor-left' ? `The conductor left: ${inert(left.why)}` : undefined;
}

/** A terminal that leaves in its first seconds waits so long for the conductor it has started, in ms: is the run at work? */
const BEGINS = 10_000;

/** Resolves when a conductor that was started has the run's lease, or has ended. */
async function begun(journal: Journal, ended: Promise<Ended>): Promise<void> {
  const giveUp = AbortSignal.timeout(BEGINS);
  const over = ended.then(() => true);
  while (!giveUp.aborted && (await journal.holder()) === null) {
    if (await Promise.race([over, delay(journal.interval)])) return;
  }
}

/** Why a conductor that failed is no longer there: by its own account on record or to us, its log, or the signal that ended it. */
async function epitaph(
  { signal, words }: Ended,
  since: number,
  records: JournalRecord[],
  log: string,
): Promise<string> {
  if (signal !== null) return `The conductor was ended from outside (${signal}).`;
  const left = leaving(since, records);
  if (left !== undefined) return left;
  if (words !== null) return `The conductor failed: ${inert(words)}`;
  return log === ''
    ? 'The conductor could not be started.'
    : `The conductor failed:\n${log.split('\n').slice(-LAST_LINES).map(inert).join('\n')}`;
}

/**
 * Starts the conductor, shows the run on this terminal until it ends or the terminal leaves, and tells how it stands.
 * @returns the exit code
 */
export async function attendRun(session: Session): Promise<number> {
  const { opened, folder, me, role, rehearsal, answers, reason, leaveOpen, interruption } = session;
  const { journal, since } = opened;
  const answering = new AbortController();
  const gone = new AbortController();

  const warning = rehearsal ? null : endedAtLogout(thisHost());
  if (warning !== null) {
    await journal.append('terminal', Date.now(), [{ type: 'warned', warning, host: hostname() }]);
  }
  const flags = ['--report', session.report, '--as', me.role, '--name', me.name, ...session.flags];
  await loadTerminal(session.plain);
  const conductor = startConductor(folder, { env: session.env, flags, rehearsal });
  if (conductor.pid !== undefined) await session.onConductor?.(conductor.pid);
  const ended = conductor.ended.then(async (how) => {
    // Handed over, it goes on elsewhere, and this terminal with it.
    const state = await journal.read(0).then(stateOf);
    if (how.code !== 0 || (state?.handingOver === null && state.conductor === null)) gone.abort();
    return how;
  });
  const answered =
    answers || leaveOpen
      ? answerPrepared({
          journal,
          answers: answers ?? {},
          ...(reason === undefined ? {} : { reason }),
          proof: rehearsal ? 'rehearsal' : 'named',
          otherwise: leaveOpen ? 'stop' : 'leave-it',
          by: me,
          signal: answering.signal,
        })
      : Promise.resolve();
  const unkept = new AbortController();
  answered.catch((error) => unkept.abort(error));

  const signal = AbortSignal.any([interruption.signal, gone.signal, unkept.signal]);
  await attend({
    journal,
    me,
    role,
    since,
    plain: session.plain,
    endsRun: rehearsal,
    interruption: { ...interruption, signal },
  });
  answering.abort();
  await answered.catch(() => undefined);
  const stood = stateOf(await journal.read(0));
  const finished = stood?.outcome != null;
  // One that left before somebody took over, or was handed the run, is not missed.
  const left =
    stood?.conductor === null && (await journal.read(since)).some(({ event }) => event.type === 'conductor-left');
  if (rehearsal && !finished) conductor.release();
  // A run goes on without its terminal. One that is over, and a rehearsal, is seen to its end, the report included.
  const how =
    finished || left || rehearsal || gone.signal.aborted
      ? await Promise.race([
          ended,
          new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), GRACE).unref()),
        ])
      : undefined;
  if (how === undefined && stood?.conductor === null) await begun(journal, ended);
  conductor.release();

  const records = await journal.read(0);
  const state = stateOf(records);
  if (state === null) return 1;
  print(`\n${await standing(journal, session.runbook, state)}`);
  const failed = how !== undefined && how.code !== 0 && !interruption.signal.aborted;
  if (failed) {
    // One that was killed had no time for the report.
    if (how.signal !== null) await writeReport(records, session.report);
    print(`\n${await epitaph(how, since, records, await conductor.log())}\n`);
  }
  if (unkept.signal.aborted && state.outcome === null) {
    print(`\n${inert(String(unkept.signal.reason.message))}\n`);
    return FAILED;
  }
  if (interruption.signal.aborted) return INTERRUPTED;
  if (state.outcome !== null) return exitCode(state);
  if (failed) return FAILED;
  if (left) print(`\n${leaving(since, records)}\n`);
  return exitCode(state);
}
