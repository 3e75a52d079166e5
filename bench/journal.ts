import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { databaseArchive } from '../src/cli/database-archive.ts';
import { localArchive } from '../src/cli/local-archive.ts';
import type { RunEvent } from '../src/run/events.ts';
import { foldAll } from '../src/run/fold/fold.ts';
import type { Journal } from '../src/run/journal/journal.ts';
import { parseRunbook, readSources } from '../src/runbook/sources.ts';
import type { Bench } from './database.ts';
import { median, type Row, timed } from './result.ts';

const RUN = 'bench';
/** Appends in a turn. */
const APPENDS = 200;
/** Records in an append when a journal is filled. */
const AT_ONCE = 1_000;

/** A long run of the flagship: the samples of its watches and monitors above all, and what its steps leave. */
async function eventsOf(count: number): Promise<RunEvent[]> {
  const sources = await readSources('runbook.yaml');
  const { activities, opens } = parseRunbook(sources);
  const steps = activities.flatMap((activity) => activity.steps.map(({ id }) => id));
  const by = { name: 'Ada', role: 'ops' };
  const opened: RunEvent = {
    type: 'run-opened',
    run: RUN,
    sources,
    opens,
    settings: {},
    people: {},
    rehearsal: false,
    by,
  };
  const watched: RunEvent = {
    type: 'watch-sampled',
    watch: 'application',
    asked: 1,
    failed: 0,
    downMs: 0,
    p50Ms: 4,
    p99Ms: 9,
  };
  const each = Math.max(2, Math.ceil((count - 1) / steps.length));
  const rest = steps.flatMap((step): RunEvent[] => [
    { type: 'step-begun', step, attempt: 1 },
    ...Array.from(
      { length: each - 2 },
      (_, nth): RunEvent =>
        nth % 2 === 0 ? watched : { type: 'step-sampled', step, values: { 'rows per second': nth, 'batch ms': 50 } },
    ),
    { type: 'step-finished', step, attempt: 1, result: { summary: 'done' }, workMs: 5 },
  ]);
  return [opened, ...rest].slice(0, count);
}

/** µs of one append, one after the other. */
async function appending(journal: Journal, event: RunEvent): Promise<number> {
  const lease = await journal.acquire();
  const ms = await timed(async () => {
    for (let nth = 0; nth < APPENDS; nth += 1) await journal.append({ lease }, 5, [event]);
  });
  await journal.release(lease);
  return (ms * 1_000) / APPENDS;
}

/** µs of writing and flushing as many bytes with nothing around it, in this folder. */
async function flushing(folder: string, bytes: number): Promise<number> {
  const file = await open(join(folder, 'plain'), 'w');
  const text = Buffer.alloc(bytes, 'x');
  const ms = await timed(async () => {
    for (let nth = 0; nth < APPENDS; nth += 1) {
      await file.write(text);
      await file.datasync();
    }
  });
  await file.close();
  return (ms * 1_000) / APPENDS;
}

/** ms from a journal that is closed to the state of its run: read, checked, folded. */
async function replaying(reopen: () => Promise<Journal>, count: number): Promise<number> {
  const journal = await reopen();
  const ms = await timed(async () => {
    const state = foldAll(null, await journal.read(0));
    if (state?.seq !== count) throw new Error(`${state?.seq} records were read, not ${count}.`);
  });
  await journal.close();
  return ms;
}

async function fill(journal: Journal, events: RunEvent[]): Promise<void> {
  const lease = await journal.acquire();
  for (let at = 0; at < events.length; at += AT_ONCE) {
    await journal.append({ lease }, 5, events.slice(at, at + AT_ONCE));
  }
  await journal.release(lease);
  await journal.close();
}

/** What a durable append costs, and how soon a terminal or conductor that comes knows what has been. */
export async function journalRows(bench: Bench, count: number, turns: number): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'journal-'));
  const superuser = await bench.server.connect();
  await superuser.query('create database journals');
  const { PGUSER, PGPASSWORD, PGHOST, PGPORT } = bench.server.env;
  const database = databaseArchive(`postgres://${PGUSER}:${PGPASSWORD}@${PGHOST}:${PGPORT}/journals`);
  const archives = { SQLite: localArchive(folder), PostgreSQL: database };
  const event: RunEvent = { type: 'step-sampled', step: 'backfill-tables', values: { 'rows per second': 5_000 } };
  const events = await eventsOf(count);
  const rows: Row[] = [];
  for (const [name, archive] of Object.entries(archives)) {
    await fill(await archive.make(RUN), events);
    const reopen = () => archive.open(RUN);
    const seen = { append: [] as number[], flush: [] as number[], replay: [] as number[] };
    for (let turn = 0; turn < turns; turn += 1) {
      seen.replay.push(await replaying(reopen, count));
      const journal = await archive.make('appended');
      seen.append.push(await appending(journal, event));
      await journal.close();
      seen.flush.push(await flushing(folder, JSON.stringify(event).length));
    }
    const [ours, against, ms] = [median(seen.append), median(seen.flush), median(seen.replay)];
    rows.push(
      {
        name: `durable append, ${name}, against a bare flush`,
        ours,
        against,
        unit: 'µs',
        ratio: against / ours,
        target: 'reported',
        met: null,
      },
      {
        name: `replay of ${count} events, ${name}`,
        ours: ms,
        against: null,
        unit: 'ms',
        ratio: 1_000 / ms,
        target: 'under a second',
        met: ms < 1_000,
      },
    );
  }
  await superuser.query('drop database journals with (force)');
  await superuser.end();
  await rm(folder, { recursive: true });
  return rows;
}
