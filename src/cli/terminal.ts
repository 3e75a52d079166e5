import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { bound } from '../run/answering/answers.ts';
import type { JournalRecord, Person, Prompt, RunEvent } from '../run/events.ts';
import { fold } from '../run/fold/fold.ts';
import { follow } from '../run/journal/follow.ts';
import type { Journal } from '../run/journal/journal.ts';
import type { RunState } from '../run/state.ts';
import type { RehearsalAnswer } from '../runbook/schema.ts';
import { INTERRUPTED, type Interruption } from './interruption.ts';
import { signHere } from './sign.ts';

/** How this terminal is named in the journal. */
export const TERMINAL = `${hostname()}:${process.pid}`;

export interface Attending {
  journal: Journal;
  me: Person;
  /** The role given with --as, in which alone is answered from here; null when none was. */
  role: string | null;
  /** The last record that is old news. */
  since: number;
  plain: boolean;
  interruption: Interruption;
}

/** A terminal without cursor addressing, and one that is read aloud (Ink's own variable for that), get lines instead. */
function linesOnly({ TERM, INK_SCREEN_READER }: NodeJS.ProcessEnv): boolean {
  return TERM === 'dumb' || INK_SCREEN_READER === 'true';
}

/** Whether a run is shown here a line an event, rather than on the screen. */
const asLines = (plain: boolean): boolean =>
  plain || linesOnly(process.env) || !process.stdin.isTTY || !process.stdout.isTTY;

/**
 * Loads what shows a run here, which is to be done before its conductor begins: in a clone, the first Ctrl+C also ends the
 * process that compiles the sources, and nothing more could be loaded then.
 */
export async function loadTerminal(plain: boolean): Promise<void> {
  if (asLines(plain)) return void (await import('../ui/plain.ts'));
  process.env.NODE_ENV = 'production';
  await import('../ui/screen.tsx');
}

/** Shows a run until it has ended or this terminal leaves it: the screen on a terminal, a line an event elsewhere. */
export async function attend({ journal, me, role, since, plain, interruption }: Attending): Promise<RunState> {
  const { stdin, stdout } = process;
  const following = { journal, me, role, terminal: TERMINAL, stdin, stdout, since, signal: interruption.signal };
  if (asLines(plain)) {
    const { openPlain } = await import('../ui/plain.ts');
    return await openPlain({ ...following, onCtrlC: interruption.onCtrlC });
  }
  process.env.NODE_ENV = 'production';
  const { openScreen } = await import('../ui/screen.tsx');
  return await openScreen({
    ...following,
    async sign(signing) {
      const asBefore = interruption.onCtrlC(() => undefined);
      return await signHere(signing).finally(asBefore);
    },
  });
}

export interface Answering {
  journal: Journal;
  answers: Record<string, RehearsalAnswer>;
  /** Given where an answer needs a reason and has none of its own. */
  reason?: string;
  proof: 'named' | 'rehearsal';
  /** What to do about a question that has no answer here: leave it to a person, or have the conductor leave. */
  otherwise: 'leave-it' | 'stop';
  by: Person;
  signal: AbortSignal;
}

/** Whoever a rehearsal has approve something: of that role if it can be, and nobody who may not. */
function second(people: RunState['people'], as: string, { notBy = [] }: Prompt): Person {
  const others = Object.entries(people).flatMap(([role, names]) =>
    names.filter((name) => notBy.every((each) => each.name !== name)).map((name) => ({ role, name })),
  );
  const anybody = people[as]?.length ? others[0] : undefined;
  return others.find(({ role }) => role === as) ?? anybody ?? { role: as, name: 'Second person' };
}

/** A prepared answer could not be put on record: its question waits for a person. */
export class AnswerNotKept extends Error {
  constructor(what: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`${what} is not on record, and this terminal has left the run: ${why}`, { cause });
    this.name = 'AnswerNotKept';
  }
}

/** A question that is asked this often with the same answer given is left to a person: the answer does not help. */
const MOST_ROUNDS = 10;

/**
 * Gives prepared answers to the questions of a run as they come up, as another terminal beside the one that shows it.
 * @throws AnswerNotKept
 */
export async function answerPrepared({
  journal,
  answers,
  reason,
  proof,
  otherwise,
  by,
  signal,
}: Answering): Promise<void> {
  let state: RunState | null = null;
  let stopped = false;
  let token: number | undefined;
  const tried = new Set<string>();
  const failed = new AbortController();
  const appends: Promise<unknown>[] = [];
  const append = (what: string, now: number, event: RunEvent) => {
    const kept = journal.append('terminal', now, [event]);
    appends.push(kept.catch((error) => failed.abort(new AnswerNotKept(what, error))));
  };
  const onRecords = (records: JournalRecord[]) => {
    for (const record of records) state = fold(state, record);
    const { prompts, people, aheadMs, conductor, proposed } = state as unknown as RunState;
    // What a conductor was asked before it was there, it does not know of: each is asked anew.
    if (conductor === null) return;
    if (conductor.token !== token) {
      token = conductor.token;
      stopped = false;
      tried.clear();
    }
    const now = Date.now() + aheadMs;
    const open = prompts.filter(({ settled, closedAt }) => settled === null && closedAt === null);
    // A changed runbook is about to be asked about, whatever else is.
    const toCome = proposed !== null && !open.some(({ prompt }) => prompt.kind === 'change');
    for (const { prompt, answers: past } of open) {
      const round = `${prompt.id}#${prompt.round}`;
      const refused = past.some(({ answer, refused }) => refused !== null && answer.from === TERMINAL);
      if (tried.has(round) && !refused) continue;
      tried.add(round);
      const given = prompt.round <= MOST_ROUNDS && !refused ? answers[prompt.id] : undefined;
      if (given) {
        const needed = prompt.options.some(({ choose, reason }) => choose === given.choose && reason);
        const why = given.reason ?? (needed ? reason : undefined);
        const person = { role: given.as, name: people[given.as]?.[0] ?? by.name };
        const answer = bound(state as unknown as RunState, {
          prompt: prompt.id,
          round: prompt.round,
          choose: given.choose,
          ...(why === undefined ? {} : { reason: why }),
          by: prompt.notBy && proof === 'rehearsal' ? second(people, given.as, prompt) : person,
          proof,
          from: TERMINAL,
        });
        append(`The prepared answer to ${prompt.id}`, now, { type: 'prompt-answered', answer });
      } else if (otherwise === 'stop' && !stopped && !toCome) {
        stopped = true;
        append('That the run is to stop here', now, { type: 'requested', request: 'stop-unanswered', by });
      }
    }
  };
  await follow(journal, { signal: AbortSignal.any([signal, failed.signal]), onRecords });
  await Promise.all(appends);
  failed.signal.throwIfAborted();
}

/** How a process ended: with a code, by a signal, or (neither) without having begun. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** What it said last to this process; null when it ended in order, or could not say. */
  words: string | null;
}

export interface Started {
  pid: number | undefined;
  ended: Promise<Ended>;
  /** What it has written, for whoever looks after a conductor that failed. */
  log(): Promise<string>;
  /** Lets this process end before the conductor does; a rehearsal's conductor is told to end. */
  release(): void;
}

/** Starts a run's conductor as a process of its own, which outlives this one unless it is a rehearsal's. */
export function startConductor(
  folder: string,
  { env, flags, rehearsal }: { env: NodeJS.ProcessEnv; flags: string[]; rehearsal: boolean },
): Started {
  const path = join(folder, 'conductor.log');
  const log = openSync(path, 'a', 0o600);
  const before = fstatSync(log).size;
  const program = process.argv[1] ?? '';
  const child = spawn(
    process.execPath,
    [...process.execArgv, program, 'conduct', folder, ...flags, ...(rehearsal ? ['--with-parent'] : [])],
    { env, detached: true, stdio: ['ignore', log, log, 'ipc'] },
  );
  closeSync(log);
  let words: string | null = null;
  child.once('message', (message) => {
    words = String(message);
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once('exit', (code, signal) => {
      const done = () => resolve({ code, signal, words });
      // Its last words may still be on their way.
      if (child.connected) child.once('disconnect', done);
      else done();
    });
    child.once('error', () => resolve({ code: null, signal: null, words }));
  });
  return {
    pid: child.pid,
    ended,
    log: async () => (await readFile(path)).subarray(before).toString().trim(),
    release: () => {
      if (child.connected) child.disconnect();
      child.unref();
    },
  };
}

/** The exit code of a run that waits for a person, or for its time. */
export const WAITS = 3;

/** The exit code that says how a run stands: 0 done, 1 aborted, 3 waits for a person, 4 rolled back, 130 stopped by one. */
export function exitCode(state: RunState): number {
  switch (state.outcome?.outcome) {
    case 'done':
      return 0;
    case 'aborted':
      return 1;
    case 'rolled-back':
      return 4;
    default:
      return state.stopping === 'stop' ? INTERRUPTED : WAITS;
  }
}
