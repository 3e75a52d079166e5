import { copyFile, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import { journalOf } from '../../../src/cli/runs.ts';
import type { JournalRecord } from '../../../src/run/events.ts';
import { JournalBroken, JournalFailed } from '../../../src/run/journal/journal.ts';
import { openSqliteJournal } from '../../../src/run/journal/sqlite.ts';
import type { Random } from '../../simulation/random.ts';
import type { Kind } from '../kind.ts';

/** What reading a journal comes to: its records, or what is wrong with it. */
async function read(path: string): Promise<JournalRecord[] | Error> {
  try {
    const journal = await openSqliteJournal(path);
    try {
      return await journal.read(0);
    } finally {
      await journal.close();
    }
  } catch (error) {
    if (error instanceof JournalBroken || error instanceof JournalFailed) return error;
    throw error;
  }
}

/** What somebody does to the records with a tool for databases, and the first record that must be named for it. */
interface Forgery {
  says: string;
  sql: string;
  named: number;
}

function forgery(random: Random, last: number): Forgery {
  const seq = random.between(1, last - 1);
  const other = random.between(seq + 1, last);
  return random.of<Forgery>([
    { says: `record ${seq} is deleted`, sql: `delete from record where seq = ${seq}`, named: seq },
    { says: `record ${seq} is changed`, sql: `update record set event = event || ' ' where seq = ${seq}`, named: seq },
    { says: `record ${seq} is dated back`, sql: `update record set at = at - 1 where seq = ${seq}`, named: seq },
    {
      says: `records ${seq} and ${other} change places`,
      sql: `update record set seq = case seq when ${seq} then -${other} else -${seq} end where seq in (${seq}, ${other});
            update record set seq = -seq where seq < 0`,
      named: seq,
    },
    {
      says: `record ${seq} is told twice`,
      sql: `update record set seq = -1 - seq where seq > ${seq}; update record set seq = -seq where seq < 0;
            insert into record select seq + 1, at, prev, hash, event from record where seq = ${seq}`,
      named: seq + 1,
    },
  ]);
}

/** A finished journal's bytes are flipped, its file is cut, its records are deleted, changed and reordered: each is noticed. */
export const journals: Kind = async ({ lab, random, full }, onOutcome) => {
  await using trial = await lab.trial();
  await trial.carryOn();
  const whole = join(trial.folder, 'whole.sqlite');
  // Without the -wal beside it.
  new DatabaseSync(journalOf(trial.folder)).exec(`vacuum into '${whole}'`);
  const records = await read(whole);
  if (records instanceof Error) throw records;
  const { size } = await stat(whole);
  // Done once, by the run whose journal it is.
  let work = { rows: (await trial.traces()).filled, steps: await trial.stepsDone() };

  const damaged = async (
    says: string,
    damage: (path: string) => Promise<void>,
    holds: (came: typeof records | Error) => boolean,
  ) => {
    const path = join(trial.folder, 'damaged.sqlite');
    await copyFile(whole, path);
    await damage(path);
    const came = await read(path);
    const wrong = holds(came) ? [] : [came instanceof Error ? came.message : 'it is read as if nothing had happened'];
    onOutcome({ fault: says, injected: 1, ...work, wrong });
    work = { rows: 0, steps: 0 };
    for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true });
  };
  const noticed = (came: typeof records | Error) => came instanceof Error;
  // Some bytes mean nothing: then the records are as they were.
  const noticedOrWhole = (came: typeof records | Error) => came instanceof Error || isDeepStrictEqual(came, records);

  for (let i = full ? 1_000 : 30; i > 0; i -= 1) {
    const [at, bit] = [random.between(0, size - 1), random.between(0, 7)];
    await damaged(
      `bit ${bit} of byte ${at} is flipped`,
      async (path) => {
        const file = await open(path, 'r+');
        const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
        await file.write(Buffer.from([(buffer[0] ?? 0) ^ (1 << bit)]), 0, 1, at);
        await file.close();
      },
      noticedOrWhole,
    );
    const left = random.between(1, size - 1);
    await damaged(
      `the file ends after ${left} bytes`,
      async (path) => {
        const file = await open(path, 'r+');
        await file.truncate(left);
        await file.close();
      },
      noticed,
    );
    const { says, sql, named } = forgery(random, records.length);
    await damaged(
      says,
      async (path) => new DatabaseSync(path).exec(sql),
      (came) => came instanceof JournalBroken && came.seq === named,
    );
  }
};
