import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Evidence, JournalRecord, Prompt, RunEvent } from '../../src/run/events.ts';
import { fold } from '../../src/run/fold/fold.ts';
import type { Journal, Pulse } from '../../src/run/journal/journal.ts';
import { openSqliteJournal } from '../../src/run/journal/sqlite.ts';
import { makeSqliteJournal } from '../../src/run/journal/sqlite-file.ts';
import type { RunState } from '../../src/run/state.ts';
import { ADA, archiveRunbook } from '../run/archive.ts';

const FILES = {
  'sql/size.sql': 'select pg_database_size(current_database());\n',
  'sql/move.sql':
    'update :"schema".:"name" set archived = true\n  where ctid >= :\'from_tid\' and ctid < :\'to_tid\';\n',
  'sql/left.sql': 'select count(*) from :"schema".:"name" where not archived;\n',
  'sql/back.sql': 'update public.orders set archived = false;\n',
};

const { sources } = archiveRunbook(
  {
    window: 'window: { opens: 2030-03-04T02:00:00Z, closes: 2030-03-04T04:00:00Z, timezones: [Europe/Berlin] }',
    prepare: '',
    timeline: `
timeline:
  - id: checks
    title: Pre-checks
    at: "02:00"
    estimate: 30m
    owner: dev
    steps:
      - { id: size, title: Database size, kind: check, sql: sql/size.sql, expect: { rows: 1 } }
      - id: orphans
        title: Orphans
        kind: decision
        question: What shall become of the orphans?
        who: [lead]
        options:
          - { choose: leave, says: They stay as they are., effect: proceed }
          - { choose: drop, says: They are deleted for good., effect: proceed, reason: true }
  - id: move
    title: Move rows
    at: "02:30"
    estimate: 60m
    owner: dev
    steps:
      - { id: move-rows, title: Rows into the archive, kind: backfill, tables: tables, file: sql/move.sql, remaining: sql/left.sql, undo: { files: [sql/back.sql] } }
      - { id: seen, title: Look at the archive, kind: manual, items: [Open an old order, Open a new order], who: [dev] }`,
    rest: `
lists:
  tables: [{ name: orders, schema: public }, { name: clients, schema: public }]`,
  },
  FILES,
);

/** When its window opens, in ms since the epoch. */
export const OPENS = Date.parse('2030-03-04T02:00:00Z');

/** The question of the step `orphans`. */
export function orphans(evidence: Evidence[] = []): Prompt {
  return {
    id: 'orphans',
    round: 1,
    kind: 'decision',
    step: 'orphans',
    question: 'What shall become of the orphans?',
    evidence,
    options: [
      { choose: 'leave', says: 'They stay as they are.', effect: 'proceed', reason: false },
      { choose: 'drop', says: 'They are deleted for good.', effect: 'proceed', reason: true },
    ],
    who: ['lead'],
  };
}

/** A run in a real journal, told what happens to it instead of a conductor. */
export interface TestRun {
  path: string;
  journal: Journal;
  rehearsal: boolean;
  /** Records events as the conductor would; the plan clock then stands at `at`. */
  happens(at: number, ...events: RunEvent[]): Promise<void>;
  /** The conductor acts on what was answered to this question. */
  settles(prompt: string): Promise<void>;
  /** The conductor is killed, and leaves no word. */
  dies(): Promise<void>;
  pulse(pulse: Omit<Pulse, 'at'>): Promise<void>;
  records(): Promise<JournalRecord[]>;
  state(): Promise<RunState>;
}

/** A run of a small runbook, opened and with its conductor at work; closed and removed when the test has finished. */
export async function openTestRun({ rehearsal = true, begun = true } = {}): Promise<TestRun> {
  const folder = await mkdtemp(join(tmpdir(), 'screen-'));
  const path = join(folder, 'journal.sqlite');
  makeSqliteJournal(path);
  const journal = await openSqliteJournal(path);
  onTestFinished(async () => {
    await journal.close();
    await rm(folder, { recursive: true });
  });
  const lease = await journal.acquire();
  let ahead = 0;
  const run: TestRun = {
    path,
    journal,
    rehearsal,
    async happens(at, ...events) {
      const byMs = Math.round(at - (Date.now() + ahead));
      ahead += byMs;
      await journal.append({ lease }, at, [...events, { type: 'clock-jumped', byMs }]);
    },
    async settles(prompt) {
      await journal.append({ lease }, Date.now() + ahead, [{ type: 'prompt-settled', prompt, round: 1 }]);
    },
    dies: () => journal.release(lease),
    pulse: (pulse) => journal.pulse(lease, { ...pulse, at: Date.now() + ahead }),
    records: () => journal.read(0),
    async state() {
      const state = (await journal.read(0)).reduce<RunState | null>(fold, null);
      if (!state) throw new Error('no run');
      return state;
    },
  };
  await run.happens(
    OPENS,
    {
      type: 'run-opened',
      run: 'night-1',
      sources,
      opens: OPENS,
      settings: {},
      people: { dev: ['Ada'], lead: ['Grace', 'Barbara'] },
      rehearsal,
      by: ADA,
    },
    { type: 'conductor-started', host: 'bastion', pid: 1, token: lease.token, by: ADA },
    {
      type: 'target-bound',
      target: {
        system: '1',
        database: 'shop',
        role: 'postgres',
        version: '17.5',
        timeline: 1,
        where: 'db1/shop',
        marker: 'm',
      },
    },
    ...(begun ? [{ type: 'window-began' as const }] : []),
  );
  return run;
}
