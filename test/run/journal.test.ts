import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { databaseArchive } from '../../src/cli/database-archive.ts';
import { type Journal, JournalBroken, LeaseHeld, LeaseLost } from '../../src/run/journal/journal.ts';
import { openSqliteJournal } from '../../src/run/journal/sqlite.ts';
import { makeSqliteJournal } from '../../src/run/journal/sqlite-file.ts';
import { startedAt } from '../../src/run/process.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { says } from './said.ts';

/** A place for one journal, as its contract is tried on it. */
interface Place {
  open(): Promise<Journal>;
  /** What somebody could do to it who has the file, or the role. */
  tamper(sql: string): Promise<void>;
  /** Lets the lease be renewed for the last time so long ago, in ms, by somebody on another machine. */
  age(ms: number): Promise<void>;
}

let path: string;
function sqlite(): Place {
  const tamper = async (sql: string) => {
    const database = new DatabaseSync(path);
    database.exec(sql);
    database.close();
  };
  return {
    async open() {
      makeSqliteJournal(path);
      return openSqliteJournal(path);
    },
    tamper,
    age: (ms) =>
      tamper(`update lease set host = 'bastion-2', uptime = ${process.hrtime.bigint() / 1_000_000n - BigInt(ms)}`),
  };
}

let db: TestDatabase;
beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());

const RUN = 'night-1';
function postgres(): Place {
  const tamper = async (sql: string) => {
    const client = await db.client();
    await client.query('set search_path = middlewatch_journal');
    await client.query(sql);
  };
  return {
    open: () => databaseArchive(db.url).make(RUN),
    tamper,
    age: (ms) => tamper(`update lease set host = 'bastion-2', renewed = now() - interval '${ms} ms'`),
  };
}

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'journal-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  path = join(folder, 'run.sqlite');
  await db.superuser.query('drop schema if exists middlewatch_journal cascade');
});

const broken = (seq: number, what: RegExp) =>
  expect.objectContaining({ name: 'JournalBroken', seq, message: expect.stringMatching(what) });

describe.each([
  ['SQLite', sqlite()],
  ['PostgreSQL', postgres()],
])('in %s', (_where, { open, tamper, age }) => {
  async function opened(): Promise<Journal> {
    const journal = await open();
    onTestFinished(() => journal.close());
    return journal;
  }

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
      const circular: ReturnType<typeof says> & { self?: unknown } = says('two');
      circular.self = circular;
      await expect(journal.append('terminal', 5, [says('one'), circular])).rejects.toThrow(TypeError);
      expect(await journal.read(0)).toEqual([]);
    });

    it('of what only the conductor can say are refused from a terminal', async () => {
      const journal = await opened();
      const finished = { type: 'run-finished', outcome: 'done', why: 'I say so' } as const;
      await expect(journal.append('terminal', 5, [says('one'), finished])).rejects.toThrow(
        /terminal does not.*run-finished/,
      );
      expect(await journal.read(0)).toEqual([]);
      await journal.append({ lease: await journal.acquire() }, 5, [finished]);
      expect((await journal.read(0)).map(({ event }) => event)).toEqual([finished]);
    });

    it('of the opening are written by whoever is quickest', async () => {
      const both = [await opened(), await opened()];
      const written = await Promise.all(
        both.map((each, nth) => each.append('opener', 5, [says(`${nth}`), says('more')])),
      );
      expect(written.map((each) => each.length).toSorted()).toEqual([0, 2]);
      expect(await both[0]?.read(0)).toEqual(written.flat());
    });

    it('of many who write at once are in one order', async () => {
      const all = await Promise.all(Array.from({ length: 8 }, () => opened()));
      await Promise.all(all.map((each, nth) => each.append('terminal', 5, [says(`${nth} a`), says(`${nth} b`)])));
      const told = (await opened().then((each) => each.read(0))).map(
        ({ event }) => (event as ReturnType<typeof says>).reason,
      );
      expect(told.toSorted()).toEqual(all.flatMap((_, nth) => [`${nth} a`, `${nth} b`]));
      for (const [at, why] of told.entries()) if (why.endsWith('b')) expect(told[at - 1]).toBe(why.replace('b', 'a'));
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
      await tamper(sql);
      await expect(journal.read(0)).rejects.toEqual(error);
      await expect(journal.read(0)).rejects.toBeInstanceOf(JournalBroken);
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
      await tamper(`update lease set pid = ${child.pid}, started = '${started}'`);
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
      await tamper(`update lease set started = started || '7'`);
      expect((await journal.acquire()).token).toBe(2);
    });

    it('held elsewhere lapses when it has not been renewed for a while, and is then taken by whoever says so', async () => {
      const journal = await opened();
      await journal.acquire();
      await age(20_000);
      await expect(journal.acquire(true)).rejects.toThrow(
        /conducted by process \d+ on bastion-2, last heard of 20 s ago/,
      );
      await age(40_000);
      await expect(journal.acquire()).rejects.toThrow(/on bastion-2, has not been heard of for 4\d s/);
      expect(await journal.holder()).toMatchObject({ host: 'bastion-2', silent: true });
      expect((await journal.acquire(true)).token).toBe(2);
    });
  });

  it('a pulse is overwritten, and is no record', async () => {
    const journal = await opened();
    const lease = await journal.acquire();
    const pulse = (done: number) => journal.pulse(lease, { step: 'copy', at: done, done, total: 9, unit: 'rows' });
    await pulse(1);
    await pulse(5);
    await journal.release(lease);
    await journal.acquire();
    await expect(pulse(9)).rejects.toBeInstanceOf(LeaseLost);
    expect((await journal.pulses()).map((each) => each.done)).toEqual([5]);
    expect(await journal.read(0)).toEqual([]);
  });

  it('what became of mails is told to the next conductor; what the one before had begun is in doubt', async () => {
    const [mine, yours] = [await opened(), await opened()];
    const lease = await mine.acquire();
    expect(await mine.takeFates(lease)).toEqual(new Map());
    await mine.putFates(
      lease,
      new Map([
        ['<1>', 'begun'],
        ['<2>', 'begun'],
        ['<3>', 'begun'],
      ] as const),
    );
    await mine.putFates(
      lease,
      new Map([
        ['<1>', 'reached'],
        ['<2>', null],
      ] as const),
    );
    await mine.release(lease);
    const next = await yours.acquire();
    expect(await yours.takeFates(next)).toEqual(
      new Map([
        ['<1>', 'reached'],
        ['<3>', 'unknown'],
      ]),
    );
    await expect(mine.putFates(lease, new Map([['<3>', 'reached']]))).rejects.toBeInstanceOf(LeaseLost);
    await expect(mine.takeFates(lease)).rejects.toBeInstanceOf(LeaseLost);
  });

  it('a terminal says again and again that it is there, which is no record either', async () => {
    const journal = await opened();
    for (const terminal of ['bastion:1', 'bastion:1', 'laptop:2']) await journal.present(terminal);
    expect(await journal.presences()).toEqual({ 'bastion:1': 2, 'laptop:2': 1 });
    expect(await journal.read(0)).toEqual([]);
  });
});
