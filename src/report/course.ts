import type { Evidence, Failure, JournalRecord, Person, Prompt, Proof } from '../run/events.ts';
import type { RunState } from '../run/state.ts';
import type { Runbook } from '../runbook/plan.ts';

/** A question, and everything that was answered to it. Moments in ms since the epoch. */
export interface Asked {
  id: string;
  round: number;
  kind: Prompt['kind'];
  phase: string;
  question: string;
  askedAt: number;
  waitedMs: number | null;
  who: string[];
  proposal: string | null;
  /** Why what was settled no longer counts. */
  superseded: string | null;
  evidence: Evidence[];
  answers: {
    choose: string;
    says: string;
    reason: string | null;
    by: Person;
    at: number;
    from: string;
    proof: Proof;
    /** SHA-256 of what the person said in full, and the SSH signature over it. */
    binds: string | null;
    signature: string | null;
    /** Why it did not count; null for the answer that did. */
    refused: string | null;
  }[];
}

/** One try of a step, or of its undo, that went wrong. */
export interface FailedAttempt {
  step: string;
  doing: 'step' | 'undo';
  attempt: number | null;
  at: number;
  failure: Failure;
}

/** A step that a rollback took back: when that was done, how long it took in ms, and what it did. */
export interface Undone {
  step: string;
  at: number;
  workMs: number;
  what: string;
}

/** Something that happened to the run as a whole. */
export interface Turn {
  at: number;
  what: string;
}

/** Every question of the run, in the order they were asked, with every answer, the refused ones included. */
export function asked(runbook: Runbook, state: RunState): Asked[] {
  return state.prompts.map(({ prompt, openedAt, closedAt, answers, superseded }) => {
    const home = runbook.activities.find(({ steps }) => steps.some((step) => step.id === prompt.step));
    return {
      id: prompt.id,
      round: prompt.round,
      kind: prompt.kind,
      phase: home?.phase ?? 'window',
      question: prompt.question,
      askedAt: openedAt,
      waitedMs: closedAt === null ? null : closedAt - openedAt,
      who: prompt.who.map((role) => runbook.document.roles[role]?.title ?? role),
      proposal: prompt.proposal ?? null,
      superseded,
      evidence: prompt.evidence,
      answers: answers.map(({ answer, at, refused }) => ({
        choose: answer.choose,
        says: prompt.options.find((option) => option.choose === answer.choose)?.says ?? '',
        reason: answer.reason ?? null,
        by: { name: answer.by.name, role: runbook.document.roles[answer.by.role]?.title ?? answer.by.role },
        at,
        from: answer.from,
        proof: answer.proof,
        binds: answer.binds ?? null,
        signature: answer.signature ?? null,
        refused,
      })),
    };
  });
}

/** Every try that went wrong, also of steps that went well in the end. */
export function failures(records: readonly JournalRecord[]): FailedAttempt[] {
  return records.flatMap(({ event, at }): FailedAttempt[] => {
    const failed = (doing: 'step' | 'undo', attempt: number | null) => (failure: Failure, step: string) => [
      { step, doing, attempt, at, failure },
    ];
    if (event.type === 'step-failed') return failed('step', event.attempt)(event.failure, event.step);
    return event.type === 'undo-failed' ? failed('undo', null)(event.failure, event.step) : [];
  });
}

/** Every undo that was done, in order. */
export function undone(records: readonly JournalRecord[]): Undone[] {
  return records.flatMap(({ event, at }) =>
    event.type === 'undo-finished' ? [{ step: event.step, at, workMs: event.workMs, what: event.result.summary }] : [],
  );
}

/** What happened to the run as a whole. */
export function turns(records: readonly JournalRecord[]): Turn[] {
  const turn = ({ event }: JournalRecord): string | undefined => {
    switch (event.type) {
      case 'run-opened':
        return `opened by ${event.by.name}`;
      case 'conductor-started':
        return `${event.by.name} has it conducted by process ${event.pid} on ${event.host} (number ${event.token})`;
      case 'conductor-left':
        return `conductor left: ${event.why}`;
      case 'window-began':
        return 'the window began';
      case 'requested':
        return `${event.by.name} asked: ${event.request}${event.workers === undefined ? '' : ` ${event.workers}`}${event.reason === undefined ? '' : ` (${event.reason})`}`;
      case 'rollback-begun':
        return `rollback began: ${event.reason}`;
      case 'run-finished':
        return `ended: ${event.outcome}, ${event.why}`;
      default:
        return undefined;
    }
  };
  return records.flatMap((record) => {
    const what = turn(record);
    return what === undefined ? [] : [{ at: record.at, what }];
  });
}
