import type { JournalRecord, RunEvent } from '../../src/run/events.ts';
import { fold } from '../../src/run/fold/fold.ts';
import { chained, GENESIS, verified } from '../../src/run/journal/chain.ts';
import type { RunState } from '../../src/run/state.ts';
import type { Runbook } from '../../src/runbook/plan.ts';
import { ADA, archiveRunbook } from '../run/archive.ts';

/** A runbook with messages for every occasion. */
export const night: Runbook = archiveRunbook(
  {
    window:
      'window: { opens: 2030-03-04T02:00:00Z, closes: 2030-03-04T04:00:00Z, timezones: [Europe/Berlin, America/New_York] }',
    prepare: `
prepare:
  - id: before
    title: Before
    at: -48h
    owner: dev
    steps:
      - { id: tell, title: Tell everyone, kind: notify, messages: [notice] }
      - { id: approve, title: Approval, kind: signoff, role: lead, statement: Approval granted }`,
    timeline: `
timeline:
  - id: move
    title: Move rows
    at: "02:00"
    estimate: 60m
    owner: dev
    steps:
      - { id: copy, title: Copy the rows, kind: sql, files: [sql/copy.sql], estimate: 40m, undo: { files: [sql/back.sql] } }
      - { id: count, title: Count them, kind: check, sql: sql/count.sql, expect: { value: { equals: 0 } }, estimate: 20m }
      - { id: say-checking, title: Say so, kind: notify, messages: [checking] }
  - id: look
    title: Look at it
    at: "03:00"
    estimate: 30m
    owner: dev
    steps:
      - { id: seen, title: Look, kind: manual, items: [It is there] }`,
    rest: `
settings: { docs: "https://docs.example", support: support@example.com }
audiences:
  everyone: { addresses: [ann@example.com], sql: sql/everyone.sql }
mail: { from: Operations <ops@example.com>, reply_to: "{{settings.support}}" }
status: { page: status.html, every: 30m, message: progress, at_percent: [25, 50, 75] }
messages:
  notice: { mail: everyone, subject: "Maintenance on {{window.date}}", body: "From {{window.opens}}. See {{settings.docs}}" }
  progress: { status: in-progress, body: "Migration in progress - {{percent}}% complete" }
  checking: { status: verifying, body: "Validation running..." }
  extended-mail: { mail: everyone, subject: Extended, body: "We encountered {{issue}}. Now {{current_status}}, until {{expected}}." }
  extended-post: { status: extended, body: "Extended: {{current_status}}" }
  back-mail: { mail: everyone, subject: Taken back, body: "{{title}} was {{outcome}}." }
  off-mail: { mail: everyone, subject: Called off, body: "Nothing happens on {{window.date}}." }
announce: { extended: [extended-mail, extended-post], every: 1h, rolled_back: [back-mail], cancelled: [off-mail] }
watches:
  - { id: app, title: The application answers, every: 1s, request: { id: health, url: "https://app.example/health" } }
success:
  - { id: whole, says: Every row is there, steps: [copy, count] }
  - { id: quick, says: In less than an hour, window_within: 1h }
  - { id: up, says: Away for less than a minute, downtime_within: 1m }
  - { id: forward, says: No rollback, no_rollback: true }
risks:
  - { id: slow, says: It takes too long, impact: High, probability: Low, mitigation: Patience, tripwire: { step: copy, over: 2h } }`,
  },
  {
    'sql/everyone.sql': 'select email from people;\n',
    'sql/copy.sql': 'insert into archive select from orders;\n',
    'sql/back.sql': 'truncate archive;\n',
    'sql/count.sql': 'select count(*) from orders;\n',
  },
);

/** A moment of the window's night, `02:30` or `02:30:05`, in ms since the epoch. */
export const at = (time: string) => Date.parse(`2030-03-04T${time.length === 5 ? `${time}:00` : time}Z`);

/** The records of a run to which this happened, hashed as a journal would. */
export function recorded(happened: [moment: number, ...events: RunEvent[]][]): JournalRecord[] {
  const opened: RunEvent = {
    type: 'run-opened',
    run: 'night-1',
    sources: night.sources,
    opens: night.opens,
    settings: {},
    people: { dev: ['Ada'], lead: ['Grace'] },
    rehearsal: false,
    by: ADA,
  };
  const all = [[night.opens - 49 * 3_600_000, opened] as const, ...happened];
  let last = { seq: 0, hash: GENESIS };
  const stored = all.flatMap(([moment, ...events]) =>
    events.map((event) => {
      const record = chained(last, moment, event);
      last = record;
      return record;
    }),
  );
  return verified({ seq: 0, hash: GENESIS }, stored);
}

/** The state after this happened. */
export function after(...happened: [moment: number, ...events: RunEvent[]][]): RunState {
  return recorded(happened).reduce<RunState | null>(fold, null) as RunState;
}

/** Events of a step, in its first attempt. */
export const began = (step: string): RunEvent => ({ type: 'step-begun', step, attempt: 1 });
export const finished = (step: string, result = {}, workMs = 1_000): RunEvent => ({
  type: 'step-finished',
  step,
  attempt: 1,
  workMs,
  result: { summary: `${step} is done`, ...result },
});
export const failed = (step: string, message: string): RunEvent => ({
  type: 'step-failed',
  step,
  attempt: 1,
  workMs: 500,
  failure: { name: 'DatabaseTrouble', message, code: '40P01' },
});
