import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { journalOf, stateOf } from '../../src/cli/runs.ts';
import { openSqliteJournal } from '../../src/run/journal/sqlite.ts';
import { backfillDatabase, ORPHANS, OWNED } from '../steps/backfill-database.ts';
import type { TestDatabase } from '../support/database.ts';
import { filling, writeFilling } from './filling.ts';

let folder: string;
let db: TestDatabase;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'middlewatch-test-'));
  await writeFilling(folder, filling({ target: '1ms', blocks: 1 }));
  db = await backfillDatabase();
});
afterAll(async () => {
  await db.drop();
  await rm(folder, { recursive: true, force: true });
});

const opens = new Date().toISOString();
const run = (...flags: string[]) =>
  execa('tsx', ['src/cli/main.ts', 'run', join(folder, 'runbook.yaml'), '--report', folder, ...flags], {
    preferLocal: true,
    reject: false,
    stdin: 'ignore',
    env: { ...db.env, XDG_STATE_HOME: folder },
  });

const journal = () => journalOf(join(folder, 'middlewatch', 'runs', `fill-${opens.slice(0, 10)}`));

async function state() {
  const opened = await openSqliteJournal(journal());
  try {
    return stateOf(await opened.read(0));
  } finally {
    await opened.close();
  }
}

test('a conductor killed in mid-backfill is carried on with, and no row is filled twice', {
  timeout: 120_000,
}, async () => {
  // A row of the last block that somebody holds keeps the backfill from being over before it is killed.
  const holder = await db.superuser.connect();
  await holder.query('begin');
  await holder.query('select from "Big Table" where id = $1 for update', [2 * OWNED]);
  const first = run('--opens', opens, '--no-wait');
  const pid = await vi.waitFor(
    async () => {
      const { rows } = await db.superuser.query('select count(*)::int as filled from log');
      const conductor = (await state())?.conductor;
      expect(rows[0].filled).toBeGreaterThan(0);
      if (!conductor) throw new Error('no conductor yet');
      return conductor.pid;
    },
    { timeout: 60_000, interval: 5 },
  );
  process.kill(pid, 'SIGKILL');
  await holder.query('rollback');
  holder.release();
  expect((await first).exitCode).toBe(1);
  expect((await state())?.steps.fill?.status).toBe('running');
  const filled = await db.superuser.query('select count(*)::int as filled from log');
  expect(filled.rows[0].filled).toBeLessThan(3 * OWNED);

  // Without --opens it is the run that is not over, whatever day the runbook says.
  const unanswered = await run('--no-wait');
  expect(unanswered.exitCode).toBe(3);
  // A question that was open already keeps nobody waiting either.
  expect((await run('--no-wait')).exitCode).toBe(3);
  const second = await run('--answers', join(folder, 'answers.yaml'), '--no-wait');
  expect(second.exitCode).toBe(0);

  const { rows } = await db.superuser.query(`
    select count(*)::int as updates, count(distinct (name, id))::int as rows from log`);
  expect(rows[0]).toEqual({ updates: 3 * OWNED, rows: 3 * OWNED });
  const left = await db.superuser.query('select count(*)::int as orphans from "order" where tenant is null');
  expect(left.rows[0].orphans).toBe(ORPHANS);
});
