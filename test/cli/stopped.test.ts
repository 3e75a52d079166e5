import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { journalOf, stateOf } from '../../src/cli/runs.ts';
import { openSqliteJournal } from '../../src/run/journal/sqlite.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { windowOf } from './window.ts';

const RUNBOOK = windowOf('slow', [{ id: 'sleep', title: 'Sleep', kind: 'sql', files: ['sleep.sql'] }]);

/** Where the `script` of util-linux is, which gives a program a terminal of its own. */
const testOnLinux = test.runIf(process.platform === 'linux');

const opens = new Date().toISOString();
let folder: string;
let db: TestDatabase;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'middlewatch-test-'));
  await writeFile(join(folder, 'runbook.yaml'), RUNBOOK);
  await writeFile(join(folder, 'sleep.sql'), 'select pg_sleep(600);\n');
  db = await freshDatabase();
});
afterAll(async () => {
  await db.drop();
  await rm(folder, { recursive: true, force: true });
});

/** The real program on a terminal of its own, one line an event. */
function onTerminal() {
  const program = [process.execPath, '--import', 'tsx', 'src/cli/main.ts', 'run', join(folder, 'runbook.yaml')];
  const command = [...program, '--opens', opens, '--report', folder, '--plain'].join(' ');
  return execa('script', ['--quiet', '--flush', '--return', '--command', command, '/dev/null'], {
    reject: false,
    env: { ...db.env, XDG_STATE_HOME: folder },
  });
}

async function conductor(): Promise<number> {
  const run = join(folder, 'middlewatch', 'runs', `slow-${opens.slice(0, 10)}`);
  const journal = await openSqliteJournal(journalOf(run));
  try {
    return stateOf(await journal.read(0))?.conductor?.pid ?? 0;
  } finally {
    await journal.close();
  }
}

async function sleeping(): Promise<number> {
  const { rows } = await db.superuser.query(
    `select count(*)::int as sleeping from pg_stat_activity
      where datname = current_database() and state = 'active' and query ~ 'pg_sleep[(]600'
        and pid <> pg_backend_pid()`,
  );
  return rows[0].sleeping;
}

const fallsAsleep = () => vi.waitFor(async () => expect(await sleeping()).toBe(1), { timeout: 60_000, interval: 50 });

testOnLinux(
  'the statement at work is cancelled on the server by a second Ctrl+C, and by SIGTERM to the conductor',
  {
    timeout: 120_000,
  },
  async () => {
    const first = onTerminal();
    let said = '';
    first.stdout.on('data', (chunk) => {
      said += chunk;
    });
    await fallsAsleep();
    first.stdin.write('\u0003');
    await eventually(() => expect(said).toContain('Ctrl+C again stops the run now'));
    expect(await sleeping()).toBe(1);
    first.stdin.write('\u0003');
    const stopped = await first;
    expect(stopped.stdout).toContain('The conductor left: somebody asked it to stop');
    expect(stopped.exitCode).toBe(130);
    expect(await sleeping()).toBe(0);

    // The ledger says that it did not happen: it is begun again.
    const second = onTerminal();
    await fallsAsleep();
    process.kill(await conductor(), 'SIGTERM');
    const told = await second;
    expect(told.stdout).toContain('The conductor left: The conductor was told to end (SIGTERM).');
    expect(told.exitCode).toBe(3);
    expect(await sleeping()).toBe(0);
  },
);
