import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Journal, JournalBroken, LeaseHeld, LeaseLost } from '../../src/run/journal.ts';
import { startedAt } from '../../src/run/process.ts';
import { makeSqliteJournal, openSqliteJournal } from '../../src/run/sqlite-journal.ts';

let path: string;

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'journal-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  path = join(folder, 'run.sqlite');
});

async function opened(): Promise<Journal> {
  makeSqliteJournal(path);
  const journal = await openSqliteJournal(path);
  onTestFinished(() => journal.close());
  return journal;
}

/** What somebody with an editor could do to the file. */
function tamper(sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

const says = (why: string) => ({ type: 'conductor-left', why }) as const;
const broken = (seq: number, what: RegExp) =>
  expect.objectContaining({ name: 'JournalBroken', seq, message: expect.stringMatching(what) });

describe('records', () => {
  it('come back in order, from any point, also to another reader', async () => {
    const journal = await opened();
    await journal.append('terminal', 5, [says('one'), says('two')]);
    await journal.append('terminal', 7, [says('three')]);
    const other = await opened();
    expect((await other.read(0)).map(({ seq, at, event }) => [seq, at, event])).toEqual([
      [1, 5, says('one')],
      [2, 5, says('two')],
      [3, 7, says('three')],
    ]);
    expect((await other.read(2)).map((record) => record.event)).toEqual([says('three')]);
  });

  it('are all there or none', async () => {
    const journal = await opened();
    const circular: { type: 'conductor-left'; why: string; self?: unknown } = says('two');
    circular.self = circular;
    await expect(journal.append('terminal', 5, [says('one'), circular])).rejects.toThrow(TypeError);
    expect(await journal.read(0)).toEqual([]);
  });

  it.each([
    ['changed', `update record set event = replace(event, 'two', 'TWO') where seq = 2`, broken(2, /changed/)],
    ['moved in time', 'update record set at = 6 where seq = 2', broken(2, /changed/)],
    ['removed', 'delete from record where seq = 2', broken(2, /missing/)],
    [
      'removed and closed over',
      'delete from record where seq = 2; update record set seq = 2 where seq = 3',
      broken(2, /follow/),
    ],
    [
      'exchanged',
      'update record set seq = 9 where seq = 2; update record set seq = 2 where seq = 3; update record set seq = 3 where seq = 9',
      broken(2, /follow/),
    ],
  ])('that were %s are named', async (_how, sql, error) => {
    const journal = await opened();
    await journal.append('terminal', 5, [says('one'), says('two'), says('three')]);
    tamper(sql);
    await expect(journal.read(0)).rejects.toEqual(error);
    await expect(journal.read(0)).rejects.toBeInstanceOf(JournalBroken);
  });

  it('are for their owner’s eyes', async () => {
    await opened();
    expect((await stat(path)).mode & 0o077).toBe(0);
  });
});

describe('the lease', () => {
  it('is held by one, by name, until it is given back', async () => {
    const [mine, yours] = [await opened(), await opened()];
    const lease = await mine.acquire();
    await expect(yours.acquire()).rejects.toEqual(
      expect.objectContaining({ name: 'LeaseHeld', holder: expect.objectContaining({ pid: process.pid }) }),
    );
    await expect(yours.acquire()).rejects.toBeInstanceOf(LeaseHeld);
    await mine.release(lease);
    expect((await yours.acquire()).token).toBe(lease.token + 1);
  });

  it('goes to the next when its holder was killed; the holder, were it to wake, writes nothing more', async () => {
    const journal = await opened();
    const lease = await journal.acquire();
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const started = startedAt(child.pid ?? 0);
    tamper(`update lease set pid = ${child.pid}, started = '${started}'`);
    await expect(journal.acquire()).rejects.toBeInstanceOf(LeaseHeld);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const next = await journal.acquire();
    expect(next.token).toBe(lease.token + 1);
    await expect(journal.append({ lease }, 1, [says('I am back')])).rejects.toBeInstanceOf(LeaseLost);
    await expect(journal.renew(lease)).rejects.toBeInstanceOf(LeaseLost);
    await journal.append({ lease: next }, 1, [says('mine')]);
    expect((await journal.read(0)).map((record) => record.event)).toEqual([says('mine')]);
  });

  it('of a process whose pid now belongs to another is nobody’s', async () => {
    const journal = await opened();
    await journal.acquire();
    tamper(`update lease set started = 'in another life'`);
    expect((await journal.acquire()).token).toBe(2);
  });

  it('held elsewhere lapses when it has not been renewed for a while', async () => {
    const journal = await opened();
    await journal.acquire();
    tamper(`update lease set host = 'bastion-2', renewed = ${Date.now() - 20_000}`);
    await expect(journal.acquire()).rejects.toThrow(/bastion-2/);
    tamper(`update lease set renewed = ${Date.now() - 40_000}`);
    expect((await journal.acquire()).token).toBe(2);
  });
});

it('a pulse is overwritten, and is no record', async () => {
  const journal = await opened();
  await journal.pulse({ step: 'copy', at: 1, done: 1, total: 9, unit: 'rows' });
  await journal.pulse({ step: 'copy', at: 2, done: 5, total: 9, unit: 'rows' });
  expect((await journal.pulses()).map((each) => each.done)).toEqual([5]);
  expect(await journal.read(0)).toEqual([]);
});
