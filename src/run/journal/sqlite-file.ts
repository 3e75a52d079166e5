import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { JournalFailed, JournalLocked, UnknownFormat } from './journal.ts';

/** The layout below, as `pragma user_version` has it, to be counted up with any change of it. Another is not touched. */
const FORMAT = 4;

const SCHEMA = `
  create table if not exists record (
    seq integer primary key, at integer not null, prev text not null, hash text not null, event text not null
  ) strict;
  create table if not exists lease (
    only integer primary key check (only = 1),
    token integer not null, host text not null, pid integer not null, started text not null,
    renewed integer not null, uptime integer not null, released integer not null
  ) strict;
  create table if not exists pulse (step text primary key, body text not null) strict;
  create table if not exists delivery (message_id text primary key, fate text not null) strict, without rowid;
  create table if not exists presence (terminal text primary key, said integer not null) strict;
`;

const DAMAGED = 'is damaged. Nothing was changed; keep the file, and go back to a copy of it.';

/** What SQLite's result codes mean here, and what to do. @see https://sqlite.org/rescode.html */
const TROUBLE: Record<number, string> = {
  1: 'is no journal of a run.',
  8: 'may not be written by this user. Use the account that opened the run.',
  10: 'cannot be read or written: the disk reports an error. Copy the file away before anything else.',
  11: DAMAGED,
  13: 'cannot be written: the disk is full. Make room, then go on.',
  14: 'cannot be opened: it belongs to another account, or stands on a file system that is read-only. Use the account that opened the run; see to it that the file can be written.',
  26: 'is damaged, or no journal at all. Nothing was changed; keep the file, and go back to a copy of it.',
};

/**
 * Who has the lock for writing, as Linux tells it; null where it cannot be told.
 * @see https://sqlite.org/walformat.html#wal_locks, proc_locks(5)
 */
function lockedBy(path: string): number | null {
  try {
    const { ino } = statSync(`${path}-shm`);
    const [, pid] =
      new RegExp(`WRITE +(\\d+) \\S*:${ino} 120 120$`, 'm').exec(readFileSync('/proc/locks', 'utf8')) ?? [];
    return Number(pid) || null;
  } catch {
    return null;
  }
}

/** Does something with the file; what SQLite says against it is put into words. @throws JournalFailed */
export function inWords<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    // A number that is none of ours.
    if ('code' in cause && cause.code === 'ERR_OUT_OF_RANGE') throw new JournalFailed(path, DAMAGED, { cause });
    if (!('errcode' in cause)) throw cause;
    // The low byte is the code, the rest of it a further distinction.
    const code = Number(cause.errcode) & 0xff;
    if (code !== 5) throw new JournalFailed(path, TROUBLE[code] ?? `fails: ${cause.message}.`, { cause });
    const pid = lockedBy(path);
    throw new JournalLocked(
      path,
      pid === null
        ? 'is locked by another process, which may be stopped. Find it (`fuser -v` with this path), end it, and go on.'
        : `is locked by process ${pid}, which may be stopped: \`kill -CONT ${pid}\` lets it go on, \`kill -9 ${pid}\` ends it.`,
      { cause },
    );
  }
}

function formatOf(database: DatabaseSync): number {
  return Number(database.prepare('pragma user_version').get()?.user_version);
}

/** Opens a file that is there, or makes it; SQLite itself would make one of any name that is asked for. */
function open(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 5_000 });
  database.exec('pragma synchronous = full');
  return database;
}

/**
 * Makes the journal of a run that is about to be opened, private to its owner, or leaves the one that is there.
 * @throws JournalFailed
 */
export function makeSqliteJournal(path: string): void {
  inWords(path, () => {
    const database = open(path);
    try {
      chmodSync(path, 0o600);
      database.exec('pragma journal_mode = wal');
      database.exec('begin immediate');
      if (formatOf(database) === 0) database.exec(`${SCHEMA} pragma user_version = ${FORMAT};`);
      database.exec('commit');
    } finally {
      database.close();
    }
  });
}

/** Opens the file of a journal, which is there and of the layout this version knows. @throws JournalFailed */
export function openFile(path: string): DatabaseSync {
  if (!existsSync(path)) throw new JournalFailed(path, 'is not there.');
  const database = inWords(path, () => open(path));
  const format = inWords(path, () => formatOf(database));
  if (format === FORMAT) return database;
  database.close();
  throw format === 0 ? new JournalFailed(path, 'is no journal of a run.') : new UnknownFormat(path, format);
}

/**
 * When the run of a journal was opened, on its plan clock in ms since the epoch; null before it has been. Checks nothing.
 * @throws JournalFailed
 */
export function openingOf(path: string): number | null {
  return inWords(path, () => {
    const database = new DatabaseSync(path, { timeout: 5_000 });
    try {
      const row = database.prepare('select at from record where seq = 1').get();
      return row === undefined ? null : Number(row.at);
    } finally {
      database.close();
    }
  });
}
