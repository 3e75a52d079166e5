import { type Verdict, verdicts } from '../run/criteria.ts';
import type { Evidence, Failure, JournalRecord, OutgoingMessage, Person, Target } from '../run/events.ts';
import { foldAll } from '../run/fold/fold.ts';
import { runbookOf } from '../run/pins.ts';
import { type RunState, stepState, type WatchState } from '../run/state.ts';
import { type WindowSpan, windowSpan } from '../run/window.ts';
import { type Runbook, stepsCalled } from '../runbook/plan.ts';
import { type Asked, asked, type FailedAttempt, failures, type Turn, turns, type Undone, undone } from './course.ts';
import { type ActivityTiming, timings } from './timings.ts';

/** A message and what became of it. */
export interface Said {
  message: OutgoingMessage;
  sentAt: number | null;
  recipients: number;
  detail: string;
  attempts: number;
  failure: Failure | null;
}

/** A risk of the plan, and whether its tripwire was touched. */
export interface RiskSeen {
  says: string;
  impact: string;
  probability: string;
  mitigation: string;
  tripwire: 'none' | 'quiet' | 'tripped';
}

/** Everything a report says: what its Markdown shows, and what its JSON is. Durations in ms, moments in ms since the epoch. */
export interface Report {
  format: 1;
  run: string;
  title: string;
  rehearsal: boolean;
  openedAt: number;
  openedBy: Person;
  target: Target | null;
  window: WindowSpan & { opens: number; closes: number };
  outcome: RunState['outcome'];
  /** When the journal ends. */
  asOf: number;
  runbook: { hash: string; files: { path: string; hash: string }[] };
  journal: { records: number; head: string };
  activities: ActivityTiming[];
  failures: FailedAttempt[];
  asked: Asked[];
  criteria: Verdict[];
  exceptions: { step: string; says: string }[];
  /** What the steps showed that the criteria rest on. */
  proofs: { step: string; evidence: Evidence[] }[];
  messages: Said[];
  watches: ({ title: string } & WatchState)[];
  risks: RiskSeen[];
  rollback: (NonNullable<RunState['rollback']> & { undone: Undone[] }) | null;
  turns: Turn[];
}

/** There is nothing to report: the journal holds no record yet. */
export class EmptyJournal extends Error {
  constructor() {
    super('The journal is empty: this run was never opened. Open it with `runbook run`.');
    this.name = 'EmptyJournal';
  }
}

function risks(runbook: Runbook, state: RunState): RiskSeen[] {
  return runbook.document.risks.map(({ id, says, impact, probability, mitigation, tripwire }) => {
    const tripped = state.prompts.some(({ prompt }) => prompt.id === `tripwire.${id}`);
    return { says, impact, probability, mitigation, tripwire: !tripwire ? 'none' : tripped ? 'tripped' : 'quiet' };
  });
}

function proofs(runbook: Runbook, state: RunState): Report['proofs'] {
  const named = new Set(runbook.document.success.flatMap(({ steps }) => steps ?? []));
  const steps = new Set([...named].flatMap((name) => stepsCalled(runbook, name)));
  return [...steps].flatMap(({ id, title }) => {
    const { status, result, failure } = stepState(state, id);
    const evidence = (status === 'done' ? result?.evidence : failure?.evidence) ?? [];
    return evidence.length === 0 ? [] : [{ step: title, evidence }];
  });
}

/**
 * The report of a run, finished or not. Pure: it knows nothing but these records, so the same journal gives the same
 * report, to the byte, wherever and whenever it is made.
 * @throws EmptyJournal
 */
export function timingReport(records: readonly JournalRecord[]): Report {
  const [first] = records;
  if (first?.event.type !== 'run-opened') throw new EmptyJournal();
  const state = foldAll(null, records) as RunState;
  const runbook = runbookOf(state);
  const { sources } = state;
  const activities = timings(runbook, state);
  return {
    format: 1,
    run: state.run,
    title: runbook.document.title,
    rehearsal: state.rehearsal,
    openedAt: state.openedAt,
    openedBy: state.by,
    target: state.target,
    window: { opens: runbook.opens, closes: runbook.closes, ...windowSpan(runbook, state) },
    outcome: state.outcome,
    asOf: state.lastAt,
    runbook: {
      hash: sources.yaml.hash,
      files: Object.values(sources.files).map(({ path, hash }) => ({ path, hash })),
    },
    journal: { records: records.length, head: state.hash },
    activities,
    failures: failures(records),
    asked: asked(runbook, state),
    criteria: verdicts(runbook, state),
    exceptions: activities.flatMap(({ steps }) =>
      steps.flatMap(({ id, exceptions }) => exceptions.map((says) => ({ step: id, says }))),
    ),
    proofs: proofs(runbook, state),
    messages: Object.values(state.messages).map(({ message, sentAt, recipients, detail, attempts, failure }) => ({
      message,
      sentAt,
      recipients,
      detail,
      attempts,
      failure,
    })),
    watches: runbook.document.watches.flatMap(({ id, title }) => {
      const seen = state.watches[id];
      return seen ? [{ title, ...seen }] : [];
    }),
    risks: risks(runbook, state),
    rollback: state.rollback && { ...state.rollback, undone: undone(records) },
    turns: turns(records),
  };
}
