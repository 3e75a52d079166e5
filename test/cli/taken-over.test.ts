import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { journalOf, stateOf } from '../../src/cli/runs.ts';
import type { JournalRecord } from '../../src/run/events.ts';
import { openSqliteJournal } from '../../src/run/journal/sqlite.ts';
import { startedAt } from '../../src/run/process.ts';
import { backfillDatabase, OWNED } from '../steps/backfill-database.ts';
import type { TestDatabase } from '../support/database.ts';
import { writeFilling } from './filling.ts';

const opens = new Date().toISOString();
const NAME = `fill-${opens.slice(0, 10)}`;
const SLOW = { timeout: 90_000, interval: 50 };

let folder: string;
let db: TestDatabase;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'middlewatch-test-'));
  await writeFilling(folder);
  db = await backfillDatabase();
});
afterEach(async () => {
  await letNobodyConduct();
  await db.drop();
  await rm(folder, { recursive: true, force: true });
});

/** Ends the conductors that a test which failed has left behind. */
async function letNobodyConduct(): Promise<void> {
  for (const { event } of await records().catch(() => [])) {
    if (event.type === 'conductor-started' && startedAt(event.pid) !== null) process.kill(event.pid, 'SIGKILL');
  }
}

const runbook = (...args: string[]) =>
  execa('tsx', ['src/cli/main.ts', ...args, '--report', folder], {
    preferLocal: true,
    reject: false,
    stdin: 'ignore',
    env: { ...db.env, XDG_STATE_HOME: folder },
  });
const run = (...flags: string[]) => runbook('run', join(folder, 'runbook.yaml'), '--opens', opens, ...flags);

async function records(): Promise<JournalRecord[]> {
  const opened = await openSqliteJournal(journalOf(join(folder, 'middlewatch', 'runs', NAME)));
  try {
    return await opened.read(0);
  } finally {
    await opened.close();
  }
}

/** Whether each row was filled, and how often. */
const filled = async () =>
  (await db.superuser.query('select count(*)::int as updates, count(distinct (name, id))::int as rows from log')).rows;

/**
 * Keeps the last row of the backfill, and with it the step, from being done: not by a lock of the row, which would be given
 * up on after half a minute, but by one that no timeout of the session ends.
 */
async function holdUp(): Promise<() => Promise<void>> {
  const holder = await db.client();
  await holder.query('select pg_advisory_lock(1)');
  await db.superuser.query(`
    create function held_up() returns trigger language plpgsql set lock_timeout = 0 as
      $$ begin perform pg_advisory_xact_lock_shared(1); return new; end $$;
    create trigger held_up before update on "Big Table" for each row when (old.id = ${2 * OWNED}) execute function held_up()`);
  return async () => void (await holder.query('select pg_advisory_unlock(1)'));
}

/** The conductor's process, once its backfill is at work and held up. */
async function conducting(): Promise<number> {
  return await vi.waitFor(async () => {
    const conductor = stateOf(await records())?.conductor;
    const { rowCount } = await db.superuser.query(
      `select from pg_stat_activity where application_name like 'middlewatch #%' and wait_event_type = 'Lock'`,
    );
    expect(rowCount).toBeGreaterThan(0);
    if (!conductor) throw new Error('no conductor yet');
    return conductor.pid;
  }, SLOW);
}

/** As if the lease had been renewed for the last time half a minute ago and more. */
function silence(): void {
  const journal = new DatabaseSync(journalOf(join(folder, 'middlewatch', 'runs', NAME)));
  journal.exec('update lease set uptime = uptime - 40000');
  journal.close();
}

test('a conductor that is stopped is taken over from, and when it wakes it does nothing more', {
  timeout: 240_000,
}, async () => {
  const letGo = await holdUp();
  const first = run('--plain');
  const pid = await conducting();
  process.kill(pid, 'SIGSTOP');
  try {
    const early = await run('--no-wait', '--take-over');
    expect(early.exitCode).toBe(1);
    expect(early.stderr).toContain(`conducted by process ${pid}`);
    expect(early.stderr).toMatch(/another \d+ s, to go on in its place \(--as ROLE\):\n {2}runbook run .*--take-over/);
    // Nobody waits half a minute: the last time it renewed its lease is moved back.
    silence();
    const unasked = await run('--no-wait');
    expect([unasked.exitCode, unasked.stderr]).toEqual([1, expect.stringContaining('--take-over')]);
    await letGo();
    const second = await run('--no-wait', '--take-over', '--answers', join(folder, 'answers.yaml'));
    expect(second.exitCode, second.stdout).toBe(0);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  const before = await records();
  expect(before.map(({ event }) => event)).toContainEqual(
    expect.objectContaining({ type: 'requested', request: 'take-over', by: { name: 'Ona', role: 'ops' } }),
  );
  await first;
  await vi.waitFor(() => expect(startedAt(pid)).toBeNull(), SLOW);
  // It is over: what was meant for it is not to open another.
  expect((await run('--take-over')).stderr).toContain('nothing to go on with of fill: its last run is done');
  expect(await records()).toEqual(before);
  expect(await filled()).toEqual([{ updates: 3 * OWNED, rows: 3 * OWNED }]);
});

test('a run is handed over in mid-backfill, and goes on where it was asked for', { timeout: 240_000 }, async () => {
  const letGo = await holdUp();
  const first = run('--plain');
  const pid = await conducting();
  const again = await run('--no-wait');
  expect([again.exitCode, again.stderr]).toEqual([1, expect.stringMatching(/process \d+ on .* Ona.*handover/s)]);
  const second = runbook('handover', NAME, '--plain');
  const next = await vi.waitFor(async () => {
    const conductor = stateOf(await records())?.conductor;
    if (!conductor || conductor.pid === pid) throw new Error('not yet');
    return conductor.pid;
  }, SLOW);
  expect(startedAt(next)).not.toBeNull();
  await letGo();
  const journal = await openSqliteJournal(journalOf(join(folder, 'middlewatch', 'runs', NAME)));
  const asked = async () => stateOf(await journal.read(0))?.prompts.map(({ prompt }) => prompt.id);
  await vi.waitFor(async () => expect(await asked()).toEqual(['over']), SLOW);
  const by = { name: 'Ona', role: 'ops' };
  const answer = { prompt: 'over', round: 1, choose: 'yes-it-is', by, proof: 'named' as const, from: 'test' };
  await journal.append('terminal', Date.now(), [{ type: 'prompt-answered', answer }]);
  // Both terminals see it to its end.
  expect([(await first).exitCode, (await second).exitCode]).toEqual([0, 0]);
  const happened = (await journal.read(0)).map(({ event }) => event);
  await journal.close();
  expect(happened).toContainEqual(expect.objectContaining({ type: 'requested', request: 'hand-over', by }));
  expect(happened).toContainEqual({ type: 'conductor-left', why: 'handed over to Ona' });
  expect(await filled()).toEqual([{ updates: 3 * OWNED, rows: 3 * OWNED }]);
});

test('a command that a stopped conductor has at work is followed, and survives that conductor’s waking', {
  timeout: 240_000,
}, async () => {
  const [began, go, done] = ['began', 'go', 'done'].map((name) => join(folder, name));
  const script = `echo x >> ${began}; until [ -e ${go} ]; do echo waiting; sleep 0.1; done; touch ${done}`;
  const step = { id: 'work', title: 'Work', kind: 'command', run: ['sh', '-c', script], verify: ['test', '-e', done] };
  await writeFilling(folder, step);
  const program = async () => {
    const started = (await records()).find(({ event }) => event.type === 'program-started');
    if (started?.event.type !== 'program-started') throw new Error('not yet');
    return started.event.program;
  };
  const first = run('--plain');
  const at = await vi.waitFor(program, SLOW);
  const pid = stateOf(await records())?.conductor?.pid ?? 0;
  process.kill(pid, 'SIGSTOP');
  silence();
  const second = run('--no-wait', '--take-over', '--answers', join(folder, 'answers.yaml'));
  await vi.waitFor(async () => {
    const followed = (await records()).some(({ event }) => event.type === 'step-noted' && /following/.test(event.note));
    expect(followed).toBe(true);
  }, SLOW);
  process.kill(pid, 'SIGCONT');
  await vi.waitFor(() => expect(startedAt(pid)).toBeNull(), SLOW);
  expect(startedAt(at.pid)).toBe(at.started);
  await writeFile(go ?? '', '');
  expect((await second).exitCode).toBe(0);
  await first;
  expect(await readFile(began ?? '', 'utf8')).toBe('x\n');
});
