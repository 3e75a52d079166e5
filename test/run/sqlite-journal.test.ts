import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { GENESIS, verified } from '../../src/run/journal/chain.ts';
import { follow } from '../../src/run/journal/follow.ts';
import { type Journal, JournalBroken, JournalFailed } from '../../src/run/journal/journal.ts';
import { openSqliteJournal } from '../../src/run/journal/sqlite.ts';
import { makeSqliteJournal } from '../../src/run/journal/sqlite-file.ts';
import { eventually } from '../support/eventually.ts';
import { says } from './said.ts';

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

/** What somebody could do to it who has the file. */
function tamper(sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

describe('a file', () => {
  it('is for its owner’s eyes', async () => {
    makeSqliteJournal(path);
    expect((await stat(path)).mode & 0o077).toBe(0);
  });

  it('tells who follows it of what another process adds, so that they need not look', async () => {
    const seen: string[] = [];
    const over = new AbortController();
    let listening = false;
    const following = follow(await opened(), {
      signal: over.signal,
      interval: (told) => {
        listening = told;
        return told ? 3_600_000 : 10;
      },
      onRecords: (records) => seen.push(...records.map(({ event }) => (event as ReturnType<typeof says>).reason)),
    });
    await eventually(() => expect(listening).toBe(true));
    const other = await opened();
    await other.append('terminal', 5, [says('one')]);
    await eventually(() => expect(seen).toEqual(['one']));
    await other.append('terminal', 5, [says('two'), says('three')]);
    await eventually(() => expect(seen).toEqual(['one', 'two', 'three']));
    over.abort();
    await following;
  });

  it('is looked at for progress when that is due, not with every piece of news', async () => {
    const over = new AbortController();
    let hurry = new AbortController();
    let every = 3_600_000;
    let records = 0;
    let looks = 0;
    const following = follow(await opened(), {
      signal: over.signal,
      interval: () => 3_600_000,
      hurried: () => hurry.signal,
      onRecords: (some) => {
        records += some.length;
      },
      onPulses: () => {
        looks += 1;
      },
      untilProgress: (since) => since + every - performance.now(),
    });
    const other = await opened();
    for (let told = 1; told <= 3; told += 1) {
      await other.append('terminal', 5, [says('one more')]);
      await eventually(() => expect(records).toBe(told));
    }
    expect(looks).toBe(1);
    every = 1;
    const hurried = hurry;
    hurry = new AbortController();
    hurried.abort();
    await eventually(() => expect(looks).toBeGreaterThan(3));
    over.abort();
    await following;
  });

  it('that a process has locked which is then stopped is waited for, while everything else goes on', async () => {
    const journal = await opened();
    const lease = await journal.acquire();
    const stopped = `const { DatabaseSync } = require('node:sqlite'), database = new DatabaseSync(process.argv[1]);
      database.exec('begin immediate'); require('node:fs').writeSync(1, 'locked'); process.kill(process.pid, 'SIGSTOP')`;
    const child = spawn(process.execPath, ['-e', stopped, path]);
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    let written = false;
    const append = journal.append({ lease }, 5, [says('one')]).then(() => {
      written = true;
    });
    expect(await journal.read(0)).toEqual([]);
    await expect(journal.append('terminal', 5, [says('a person waits')])).rejects.toThrow(
      process.platform === 'linux' ? `locked by process ${child.pid}, which may be stopped` : 'fuser',
    );
    expect(written).toBe(false);
    child.kill('SIGKILL');
    await append;
    expect((await journal.read(0)).map(({ event }) => event)).toEqual([says('one')]);
  });

  it('in which any byte has been changed is read as it was, or not at all, and why is said', async () => {
    makeSqliteJournal(path);
    const journal = await openSqliteJournal(path);
    const written = await journal.append(
      'terminal',
      5,
      Array.from({ length: 9 }, (_, nth) => says(`${nth} `.repeat(99))),
    );
    await journal.pulse(await journal.acquire(), { step: 'copy', at: 1, done: 1, total: 9, unit: 'rows' });
    await journal.close();
    const whole = await readFile(path);
    const refused = new Set<string>();
    // Every byte of the header, of which each means something, and a bit of every 61st of the rest.
    for (let at = 0; at < whole.length; at += at < 100 ? 1 : 61) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      await rm(`${path}-wal`, { force: true });
      await writeFile(path, changed);
      let again: Journal | undefined;
      try {
        again = await openSqliteJournal(path);
        await again.holder();
        await again.pulses();
        expect(await again.read(0), `byte ${at}`).toEqual(written);
      } catch (error) {
        if (!(error instanceof JournalBroken || error instanceof JournalFailed)) throw error;
        refused.add(error.name);
      } finally {
        await again?.close();
      }
    }
    expect([...refused].toSorted()).toEqual(['JournalBroken', 'JournalFailed', 'UnknownFormat']);
  });

  it.each([
    [
      'numbers are texts',
      `update record set seq = seq; update record set at = '5' where seq = 2`,
      /Record 2 .* no record does/,
    ],
    ['numbers are too large', 'update record set at = 9223372036854775807 where seq = 2', /Record 2 .* no record does/],
    ['texts are bytes', 'update record set event = cast(event as blob) where seq = 2', /Record 2 .* no record does/],
    ['something is missing', 'update record set event = null where seq = 2', /Record 2 .* no record does/],
    [
      'a record stands twice',
      'insert into record select * from record where seq = 2',
      /Record 2 .* stands where record 3 belongs/,
    ],
    [
      'a record was put in between',
      `insert into record select 2.5, at, prev, hash, event from record where seq = 2`,
      /Record 2\.5 .* stands where record 3 belongs/,
    ],
  ])('in whose tables %s is not gone on with', async (_what, sql, words) => {
    const journal = await opened();
    await journal.append('terminal', 5, [says('one'), says('two'), says('three')]);
    tamper(`
      alter table record rename to old; create table record (seq, at, prev, hash, event);
      insert into record select * from old; ${sql}`);
    await expect(journal.read(0)).rejects.toThrow(words);
  });

  it('whose event is none, under a hash that is right, is not gone on with', async () => {
    for (const event of ['{"type":', '7', 'null', '{}']) {
      const record = { seq: 1, at: 5, prev: GENESIS, event };
      const hash = createHash('sha256').update(`${GENESIS}\n1\n5\n${event}`).digest('hex');
      expect(() => verified({ seq: 0, hash: GENESIS }, [{ ...record, hash }])).toThrow(
        /^Record 1 .* is (not JSON|no event)/,
      );
    }
  });

  it('has the lease lapse by the time that passed, not by the clock on the wall', async () => {
    const journal = await opened();
    const { started } = await journal.acquire();
    for (const ms of [-3_600_000, 3_600_000]) {
      tamper(`update lease set host = 'bastion-2', renewed = ${Date.now() + ms}`);
      await expect(journal.acquire(true)).rejects.toThrow(/bastion-2, last heard of 0 s ago/);
    }
    // Of what passed before this machine was started, or on another, nothing better tells.
    tamper(`update lease set started = 'another ${started}', renewed = ${Date.now() - 40_000}`);
    expect(await journal.holder()).toMatchObject({ silent: true });
  });

  it('of another version’s layout is left alone', async () => {
    makeSqliteJournal(path);
    tamper('pragma user_version = 7');
    makeSqliteJournal(path);
    await expect(openSqliteJournal(path)).rejects.toThrow(/has the format 7/);
  });
});
