import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Person } from '../run/events.ts';
import type { RunState } from '../run/state.ts';
import type { Runbook } from '../runbook/plan.ts';
import type { RehearsalAnswer } from '../runbook/schema.ts';
import { inert } from '../ui/inert.ts';
import { lookOf } from '../ui/look.ts';
import { summary } from '../ui/summary.ts';
import { print } from './print.ts';
import { type Opened, stateOf } from './runs.ts';
import { answerPrepared, attend, exitCode, startConductor } from './terminal.ts';

export interface Session {
  opened: Opened;
  runbook: Runbook;
  me: Person;
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
}

const INTERRUPTED = 130;
/** How long a conductor is given to end in order before its journal is read without it, in ms. */
const GRACE = 60_000;

/** The run as it stands, on the normal screen, which stays after the other is gone. */
function conclude(session: Session, state: RunState): void {
  const now = Date.now() + state.aheadMs;
  print(`\n${summary({ runbook: session.runbook, state, pulses: [], now }, lookOf(process.env))}\n`);
}

/**
 * Starts the conductor, shows the run on this terminal until it ends or the terminal leaves, and tells how it stands.
 * @returns the exit code
 */
export async function attendRun(session: Session): Promise<number> {
  const { opened, me, rehearsal, answers, reason, leaveOpen } = session;
  const { journal, folder, since } = opened;
  const watching = new AbortController();
  const answering = new AbortController();
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
    watching.abort();
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  process.once('SIGHUP', interrupt);

  const flags = ['--report', session.report, ...session.flags];
  const conductor = startConductor(folder, { env: session.env, flags, rehearsal });
  const gone = conductor.ended.then((code) => {
    watching.abort();
    return code;
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

  await attend({ journal, me, since, plain: session.plain, signal: watching.signal });
  answering.abort();
  await answered;
  const early = stateOf(await journal.read(0));
  const over = early !== null && early.outcome !== null;
  // A run outlives its terminal; a rehearsal, and the writing of the last report, do not need to be waited for longer.
  if (rehearsal && !over) conductor.release();
  const waited = over || rehearsal || leaveOpen || early?.conductor === null;
  const code = waited
    ? await Promise.race([gone, new Promise<null>((resolve) => setTimeout(resolve, GRACE, null).unref())])
    : undefined;
  conductor.release();
  const state = stateOf(await journal.read(0));
  if (state === null) return 1;
  conclude(session, state);
  if (code !== undefined && code !== 0 && !interrupted) {
    const log = (await readFile(join(folder, 'conductor.log'), 'utf8').catch(() => '')).trim();
    print(`The conductor ended unexpectedly${log ? `:\n${log.split('\n').slice(-8).map(inert).join('\n')}` : '.'}\n`);
    if (state.outcome === null) return 1;
  }
  return interrupted ? INTERRUPTED : exitCode(state);
}
