import type { Pool } from 'pg';
import { openPool } from '../postgres/connect.ts';
import { coordinates, whereabouts } from '../postgres/coordinates.ts';
import { ConnectionFailed, connectionLost } from '../postgres/errors.ts';
import { sameDatabase } from '../postgres/same-database.ts';
import type { JournalDatabase } from '../run/journal/database.ts';
import { JournalFailed } from '../run/journal/journal.ts';
import { openPostgresJournal } from '../run/journal/postgres.ts';
import { type PostgresRuns, postgresRuns } from '../run/journal/postgres-runs.ts';
import { type Archive, NoSuchRun } from './archive.ts';

/** A query of a journal's server that has not been answered for this long is taken for lost, in ms. */
const UNANSWERED = 10_000;

function lost(error: unknown): boolean {
  return (
    connectionLost(error) || (error instanceof Error && /^(Query read timeout|timeout exceeded)/.test(error.message))
  );
}

/** Nothing but the URL says where it is: PGHOST, PGPASSWORD and the like are the target's. */
const environment = (url: string) => ({
  DATABASE_URL: url,
  USER: process.env.USER,
  PGPASSFILE: process.env.PGPASSFILE,
});

/** How a person would name it, without the password. */
const whereIs = (url: string) => whereabouts(coordinates(environment(url)));

/** As `--journal` takes it, without the password. */
export function withoutPassword(text: string): string {
  const url = new URL(text);
  url.password = '';
  url.searchParams.delete('password');
  return url.href;
}

/** One connection for each terminal: there may be many. @throws ConnectionFailed, WrongTarget */
async function openAt(url: string): Promise<Pool> {
  const options = { application: 'middlewatch journal', max: 1, queryTimeout: UNANSWERED };
  try {
    return await openPool(environment(url), options);
  } catch (error) {
    if (!(error instanceof ConnectionFailed)) throw error;
    const advice =
      'This is where the journals are kept: check --journal or RUNBOOK_JOURNAL, its password (there, or in ~/.pgpass), and ' +
      'that the server is up.';
    throw new ConnectionFailed(error.message, advice, { cause: error.cause });
  }
}

/** Journals in a database. @param url postgres://… */
export function databaseArchive(url: string): Archive {
  const connect = async (): Promise<JournalDatabase> => ({
    pool: await openAt(url),
    where: whereIs(url),
    url: withoutPassword(url),
    lost,
  });

  async function withRuns<T>(work: (runs: PostgresRuns, where: string) => Promise<T>): Promise<T> {
    const database = await connect();
    const runs = postgresRuns(database);
    try {
      return await work(runs, database.where);
    } finally {
      await runs.close();
    }
  }

  return {
    names: () => withRuns((runs) => runs.names()),
    async open(name) {
      const run = await withRuns(async (runs, where) => {
        const names = await runs.names();
        const found = name === undefined ? names[0] : names.find((each) => each === name);
        if (found === undefined) throw new NoSuchRun(name, names, `in ${where}`);
        return found;
      });
      return openPostgresJournal(run, await connect());
    },
    async make(run) {
      await withRuns((runs) => runs.make(run));
      return openPostgresJournal(run, await connect());
    },
  };
}

/**
 * Makes sure that the journals are not kept in the database of the target: they would be migrated, rolled back, restored and
 * lost with it.
 * @throws JournalFailed, ConnectionFailed
 */
export async function refuseTarget(url: string, target: NodeJS.ProcessEnv): Promise<void> {
  await using closing = new AsyncDisposableStack();
  const journals = await openAt(url);
  closing.defer(() => journals.end());
  const theirs = await openPool(target, { application: 'middlewatch', max: 1 });
  closing.defer(() => theirs.end());
  if (await sameDatabase(journals, theirs)) {
    throw new JournalFailed(
      whereIs(url),
      'would be in the very database that is worked on. Keep it in another one, best on another server.',
    );
  }
}
