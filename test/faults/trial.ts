import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Archive } from '../../src/cli/archive.ts';
import { databaseArchive } from '../../src/cli/database-archive.ts';
import { localArchive } from '../../src/cli/local-archive.ts';
import { answerPrepared } from '../../src/cli/prepared-answers.ts';
import { openRun, stateOf } from '../../src/cli/runs.ts';
import type { JournalRecord } from '../../src/run/events.ts';
import type { Journal } from '../../src/run/journal/journal.ts';
import type { RunState } from '../../src/run/state.ts';
import type { RehearsalAnswer } from '../../src/runbook/schema.ts';
import { parseRunbook } from '../../src/runbook/sources.ts';
import type { Lab } from './lab.ts';
import { type Traces, tracesIn } from './traces.ts';

/** A conductor is taken to hang when it has not ended after this long, in ms. */
const PATIENCE = 120_000;
/** How long it takes somebody to open another terminal, in ms. */
const ANOTHER_TERMINAL = 200;
/** A run that is not over after this many conductors is taken to be stuck. */
const MOST_CONDUCTORS = 8;
const ME = { name: 'Ona', role: 'ops' };

const STEPS = ['columns', 'noted', 'fill', 'sweep', 'indexes', 'policies', 'count'];
const ANSWERS: Record<string, RehearsalAnswer> = {
  orphans: { choose: 'drop', as: 'ops' },
  signed: { choose: 'sign', as: 'lead' },
  ...Object.fromEntries(STEPS.map((step) => [`${step}.failed`, { choose: 'retry', as: 'ops' }])),
};

/** What of a trial is not as usual. */
export interface Place {
  /** The folder for its journal. */
  runs?: string;
  /** Its journal is kept in a database, another than it works on. */
  inDatabase?: boolean;
  /** Questions that are not answered by themselves. */
  unanswered?: string[];
}

/** Where journals are kept that are kept in a database. @param env PG* variables of the server, or of a way to it */
export const journalUrl = ({ PGUSER, PGPASSWORD, PGHOST, PGPORT }: Record<string, string>) =>
  `postgres://${PGUSER}:${PGPASSWORD}@${PGHOST}:${PGPORT}/journals`;

/** A conductor of the compiled program, in a process of its own. */
export interface Conductor {
  process: ChildProcess;
  ended: Promise<void>;
}

/** One run of the little window, in a database and a folder of its own, and what becomes of it. */
export class Trial implements AsyncDisposable {
  readonly folder: string;
  readonly journal: Journal;
  readonly #lab: Lab;
  readonly #archive: Archive;
  readonly #inDatabase: boolean;
  /** What the records ended with, and what the server was doing, when a conductor was taken to hang. */
  readonly #hung: string[] = [];
  readonly database: string;
  readonly #over = new AbortController();
  readonly #answering: Promise<unknown>;
  readonly #conductors: Conductor[] = [];

  private constructor(
    lab: Lab,
    folder: string,
    database: string,
    archive: Archive,
    journal: Journal,
    { unanswered = [], inDatabase = false }: Place,
  ) {
    this.#archive = archive;
    this.#inDatabase = inDatabase;
    this.#lab = lab;
    this.folder = folder;
    this.database = database;
    this.journal = journal;
    this.#answering = this.#answer(unanswered);
  }

  /** A terminal that answers; it ends when an answer cannot be put on record, and then another is opened. */
  async #answer(unanswered: string[]): Promise<void> {
    const { signal } = this.#over;
    const answers = Object.fromEntries(Object.entries(ANSWERS).filter(([prompt]) => !unanswered.includes(prompt)));
    const { journal } = this;
    for (;;) {
      try {
        await answerPrepared({ journal, answers, proof: 'named', otherwise: 'leave-it', by: ME, signal });
        return;
      } catch {
        if (signal.aborted) return;
        await delay(ANOTHER_TERMINAL);
      }
    }
  }

  static async open(lab: Lab, name: string, place: Place): Promise<Trial> {
    await using superuser = await lab.superuser();
    await superuser.client.query(`create database ${name} template little`);
    const opens = Date.now();
    const runbook = parseRunbook(lab.sources, { opens });
    const { runs = join(lab.folder, 'runs'), inDatabase = false } = place;
    const archive = inDatabase ? databaseArchive(journalUrl(lab.server.env)) : localArchive(runs);
    await mkdir(join(runs, name), { recursive: true });
    const opening = { runbook, run: name, by: ME, settings: {}, rehearsal: false, at: opens };
    const { journal } = await openRun({ archive, ...opening });
    return new Trial(lab, join(runs, name), name, archive, journal, place);
  }

  /** The path to start the program at. */
  get program(): string {
    return this.#lab.program;
  }

  /** What its conductors find in their environment. */
  get env(): Record<string, string> {
    return {
      PATH: process.env.PATH ?? '',
      HOME: this.folder,
      NODE_COMPILE_CACHE: join(this.#lab.folder, 'cache'),
      ...this.#lab.server.env,
      PGDATABASE: this.database,
      ...(this.#inDatabase ? { RUNBOOK_JOURNAL: journalUrl(this.#lab.server.env) } : {}),
      NOTED: join(this.folder, 'noted'),
    };
  }

  /** @param fault as `preload.ts` knows it */
  start(fault = '', env: Record<string, string> = {}, flags: string[] = []): Conductor {
    const log = openSync(join(this.folder, 'conductor.log'), 'a');
    const child = spawn(
      process.execPath,
      [
        ...(fault === '' ? [] : ['--import', join(import.meta.dirname, 'preload.ts')]),
        ...[this.program, 'conduct', this.folder, '--report', this.folder, '--as', 'ops', '--name', 'Ona', ...flags],
      ],
      { env: { ...this.env, FAULT: fault, ...env }, stdio: ['ignore', log, log] },
    );
    closeSync(log);
    this.#lab.atEnd(() => child.kill('SIGKILL'));
    const conductor = { process: child, ended: once(child, 'exit').then(() => undefined) };
    this.#conductors.push(conductor);
    return conductor;
  }

  /** Waits for a conductor to end; one that hangs is killed. */
  async ended({ process, ended }: Conductor): Promise<void> {
    const patience = new AbortController();
    const late = delay(PATIENCE, 'late', { signal: patience.signal }).catch(() => undefined);
    if ((await Promise.race([ended, late])) === 'late') {
      this.#hung.push(`a conductor did not end by itself; ${await this.#underWay().catch(String)}`);
      process.kill('SIGKILL');
      await ended;
    }
    patience.abort();
  }

  async #underWay(): Promise<string> {
    const records = (await this.journal.read(0))
      .slice(-6)
      .map(({ at, event }) => `${at} ${JSON.stringify(event).slice(0, 200)}`);
    await using superuser = await this.#lab.superuser();
    const { rows } = await superuser.client.query(
      `select pid, state, wait_event, pg_blocking_pids(pid) as waits_for, now() - xact_start as since, left(query, 80) as query
         from pg_stat_activity where datname = $1`,
      [this.database],
    );
    return `at ${Date.now()} its records end:\n${records.join('\n')}\nits sessions:\n${rows.map((row) => JSON.stringify(row)).join('\n')}`;
  }

  /** Starts one conductor after another until the run is over. */
  async carryOn(): Promise<void> {
    for (let i = 0; i < MOST_CONDUCTORS && !(await this.state())?.outcome; i += 1) await this.ended(this.start());
  }

  async state(): Promise<RunState | null> {
    return stateOf(await this.journal.read(0));
  }

  async traces(): Promise<Traces> {
    const client = await this.#lab.server.connect(this.database);
    try {
      return await tracesIn(client);
    } finally {
      await client.end();
    }
  }

  /** What is not as an undisturbed run would have left it; nothing when all is well. */
  async wrong(): Promise<string[]> {
    const wrong = [...this.#hung];
    let records: JournalRecord[] = [];
    try {
      const journal = await this.#archive.open(basename(this.folder));
      records = await journal.read(0);
      await journal.close();
    } catch (error) {
      return [`the journal does not verify: ${error}`];
    }
    const outcome = stateOf(records)?.outcome?.outcome;
    if (outcome !== 'done') {
      const log = await readFile(join(this.folder, 'conductor.log'), 'utf8').catch(() => '');
      const events = records.map(({ event }) => event.type).slice(-6);
      return [`the run is ${outcome ?? `not over after ${events.join(', ')}`}; log: ${log.slice(-600)}`];
    }
    const finished = records.flatMap(({ event }) => (event.type === 'step-finished' ? [event.step] : []));
    const twice = finished.filter((step, i) => finished.indexOf(step) !== i);
    if (twice.length > 0) wrong.push(`finished twice: ${twice.join(', ')}`);
    const { reference } = this.#lab;
    if (reference) {
      const traces = await this.traces();
      for (const key of Object.keys(reference) as (keyof Traces)[]) {
        if (isDeepStrictEqual(traces[key], reference[key])) continue;
        wrong.push(`${key}: ${JSON.stringify(traces[key])} instead of ${JSON.stringify(reference[key])}`);
      }
    }
    const noted = await readFile(join(this.folder, 'noted'), 'utf8');
    if (noted !== 'noted\n') wrong.push(`the command was run ${noted.split('\n').length - 1} times`);
    return wrong;
  }

  /** Steps on record as finished. */
  async stepsDone(): Promise<number> {
    return (await this.journal.read(0)).filter(({ event }) => event.type === 'step-finished').length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    for (const { process, ended } of this.#conductors) {
      if (process.exitCode === null && process.signalCode === null) {
        process.kill('SIGKILL');
        await ended;
      }
    }
    await this.#answering;
    await this.journal.close();
    await using superuser = await this.#lab.superuser();
    await superuser.client.query(`drop database ${this.database} with (force)`);
  }
}
