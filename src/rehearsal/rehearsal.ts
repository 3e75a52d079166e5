import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { endProcess, type ProcessIdentity, startedAt } from '../run/process.ts';
import { startApplication } from './application/server.ts';
import { startClients, type Traffic } from './clients.ts';
import { keepFolder, makeFolder, mark, removeFolder } from './folder.ts';
import { createLegacy, createRoles, type Logins, PROBE } from './legacy.ts';
import { startMailbox } from './mailbox.ts';
import { startPostgres, type ThrowawayPostgres } from './postgres.ts';

/** A production of one's own: everything a run touches, on this machine, for as long as this process lives. */
export interface Rehearsal {
  /** What a run's environment needs to find it: PG* of the role a customer migrates with, SMTP_URL, APP_PROBE_PASSWORD. */
  env: Record<string, string>;
  /** Settings of the runbook to override. */
  settings: { app_url: string; status_page: string };
  /** Holds the server's data and log, mail/ and the status page. */
  folder: string;
  /** The messages received, as .eml files. */
  mail(): { folder: string; count: number };
  /** What the application's clients met. */
  traffic(): Traffic;
  /** Puts it down that this process works in the folder, so that it ends with the rehearsal, also after a kill -9. */
  conductedBy(pid: number): Promise<void>;
  /** Ends everything, last begun first, and removes the folder unless it is to be kept. */
  stop(): Promise<void>;
}

export interface RehearsalOptions {
  /** Rows of `orders`; the rest in proportion. */
  rows?: number;
  /** Leave the folder, the server's data included, when it is over. */
  keep?: boolean;
  /** Told in a sentence what is being made, since the larger sizes take a while, and what of earlier ones is left. */
  onProgress?: (what: string) => void;
  /** Aborted to have what was started so far ended again. */
  signal?: AbortSignal;
}

/** Who uses the application meanwhile: ordinary users, each with rows of their own. */
const PEOPLE = [PROBE, 'user2@example.com', 'user3@example.com', 'user4@example.com'];

/**
 * Starts a throwaway PostgreSQL with the legacy database, the legacy application, people who use it, and a mail server.
 * What was started is ended again when a later part fails.
 * @throws NoTemporaryFolder, NoAccount, NoPostgres, PostgresDidNotStart; when aborted, the signal's reason or what came of it
 */
export async function startRehearsal({
  rows = 20_000,
  keep = false,
  onProgress,
  signal,
}: RehearsalOptions = {}): Promise<Rehearsal> {
  await using started = new AsyncDisposableStack();
  const folder = await makeFolder(onProgress);
  started.defer(() => (keep ? keepFolder(folder) : removeFolder(folder)));

  onProgress?.('Starting a throwaway PostgreSQL');
  const server = await startPostgres({ folder });
  started.defer(() => server.stop());
  // Whatever waits for the server then, a long INSERT of rows too, is over at once.
  const giveUp = () => void server.stop();
  signal?.addEventListener('abort', giveUp, { once: true });
  signal?.throwIfAborted();

  onProgress?.(`Making the legacy database, ${rows.toLocaleString('en')} orders`);
  const password = randomBytes(18).toString('base64url');
  const logins = await layOut(server, rows, password);
  const place = { host: '127.0.0.1', port: server.port, database: 'postgres' };

  onProgress?.('Starting the legacy application, its clients and a mail server');
  const application = await startApplication(place, logins);
  started.defer(() => application.stop());
  const clients = startClients({ url: application.url, emails: PEOPLE, password });
  started.defer(() => clients.stop());
  const mailbox = await startMailbox(join(folder, 'mail'));
  started.defer(() => mailbox.stop());

  signal?.removeEventListener('abort', giveUp);
  signal?.throwIfAborted();
  // Last to be begun, first to end: who works with all of the above.
  let conductor: ProcessIdentity | undefined;
  started.defer(() => conductor && endProcess(conductor, ['SIGTERM', 'SIGKILL']));

  const everything = started.move();
  return {
    env: {
      PGHOST: place.host,
      PGPORT: String(place.port),
      PGUSER: logins.operator.user,
      PGPASSWORD: logins.operator.password,
      PGDATABASE: place.database,
      SMTP_URL: mailbox.url,
      APP_PROBE_PASSWORD: password,
    },
    settings: { app_url: application.url, status_page: join(folder, 'status.html') },
    folder,
    mail: () => ({ folder: mailbox.folder, count: mailbox.received() }),
    traffic: () => clients.traffic(),
    async conductedBy(pid) {
      conductor = { pid, started: startedAt(pid) ?? '' };
      await mark(folder, { server: server.pid, conductor: pid });
    },
    stop: () => everything.disposeAsync(),
  };
}

async function layOut(server: ThrowawayPostgres, rows: number, password: string): Promise<Logins> {
  const superuser = await server.connect();
  try {
    const logins = await createRoles(superuser);
    await createLegacy(superuser, { rows, password });
    return logins;
  } finally {
    await superuser.end();
  }
}
