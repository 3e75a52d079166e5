import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { makeFolder } from '../../src/rehearsal/folder.ts';
import type { Sources } from '../../src/runbook/schema.ts';
import { readSources } from '../../src/runbook/sources.ts';
import { compile } from './program.ts';
import { type Line, openProxy } from './proxy.ts';
import { openServer, type Server } from './server.ts';
import type { Traces } from './traces.ts';
import { type Place, Trial } from './trial.ts';

const WINDOW = join(import.meta.dirname, 'window');

/** Where trials are made: the compiled program, a server, and what an undisturbed run comes to. */
export interface Lab extends AsyncDisposable {
  folder: string;
  program: string;
  server: Server;
  sources: Sources;
  /** What an undisturbed run has left; null until it has been made. */
  reference: Traces | null;
  /** How often a conductor appends in an undisturbed run, and what goes over the line to the server. */
  appends: number;
  line: Pick<Line, 'bytes' | 'commits'>;
  trial(place?: Place): Promise<Trial>;
  superuser(): Promise<AsyncDisposable & { client: pg.Client }>;
  /** Has this done when the lab is closed, last of these first: it may be while trials are under way. */
  atEnd(work: () => unknown): void;
}

export async function openLab(): Promise<Lab> {
  const stack = new AsyncDisposableStack();
  const folder = await makeFolder();
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const [program, server] = await Promise.all([compile(join(folder, 'program')), openServer(folder)]);
  stack.use(server);
  let trials = 0;
  const lab: Lab = {
    folder,
    program,
    server,
    sources: await readSources(join(WINDOW, 'window.yaml')),
    reference: null,
    appends: 0,
    line: { bytes: { there: 0, back: 0 }, commits: 0 },
    trial(place = {}) {
      trials += 1;
      return Trial.open(lab, `trial_${trials}`, place);
    },
    async superuser() {
      const client = await server.connect();
      return { client, [Symbol.asyncDispose]: () => client.end() };
    },
    atEnd(work) {
      stack.defer(async () => void (await work()));
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
  await mkdir(join(folder, 'runs'));
  await makeTemplate(server);
  await undisturbed(lab);
  return lab;
}

async function makeTemplate(server: Server): Promise<void> {
  const maker = await server.connect();
  await maker.query('create database little');
  await maker.query('create database journals');
  await maker.end();
  const client = await server.connect('little');
  await client.query(await readFile(join(WINDOW, 'database.sql'), 'utf8'));
  await client.end();
}

/** Makes a run without any fault, which all others are compared with. */
async function undisturbed(lab: Lab): Promise<void> {
  await using trial = await lab.trial();
  const count = join(trial.folder, 'count');
  await using line = await openProxy(lab.server.env);
  await trial.ended(trial.start(`count ${count}`, { ...line.env, PGDATABASE: trial.database }));
  const wrong = await trial.wrong();
  if (wrong.length > 0) throw new Error(`The undisturbed run already went wrong: ${wrong.join('\n')}`);
  lab.reference = await trial.traces();
  lab.appends = Number(await readFile(count, 'utf8'));
  lab.line = line;
}
