import type { Runbook } from '../runbook/plan.ts';
import type { StepKind } from '../runbook/step-schema.ts';
import type { Target } from './events.ts';
import type { RunState } from './state.ts';

/** What a database is found to be, before anything is done there. */
export interface Found {
  /** Its marker is empty where no conductor of this run has been. */
  target: Target;
  /** The steps that its ledger has. */
  committed: string[];
}

/** Why a database may not be as the run left it, although it carries the run's marker. */
export interface TargetDoubt {
  target: Target;
  why: string;
  /** Steps that the journal has as committed and the ledger has not. */
  lost: string[];
}

/** The database is not the one this run was opened against. */
export class OtherTarget extends Error {
  readonly advice: string;
  constructor(message: string, advice: string) {
    super(message);
    this.name = 'OtherTarget';
    this.advice = advice;
  }
}

/** The database at the other end is not as it was any more: to be looked at before anything else is done. */
export class TargetChanged extends Error {
  constructor() {
    super('The database is not as it was when this run was bound to it.');
    this.name = 'TargetChanged';
  }
}

/** Kinds whose work is committed together with a row of the ledger. */
const COMMITTED: ReadonlySet<StepKind> = new Set(['sql', 'backfill', 'index', 'policies']);

const nameOf = (target: Target) => `${target.database} as ${target.role} on system ${target.system}`;

/**
 * Holds the database that answers against the one the run is bound to. A failover to a replica that lagged, a restored
 * backup and a copy of the files all carry the same system identifier; the marker, the timeline and what the ledger has lost
 * tell them apart.
 * @returns what a person has to decide about; null when all is as it was
 * @throws OtherTarget when it certainly is another
 */
export function doubtOf(runbook: Runbook, state: RunState, { target, committed }: Found): TargetDoubt | null {
  const bound = state.target;
  if (bound === null) return null;
  if (bound.system !== target.system || bound.database !== target.database || bound.role !== target.role) {
    throw new OtherTarget(
      `This run belongs to ${nameOf(bound)}; what answers now is ${nameOf(target)}.`,
      'Point PG* or DATABASE_URL at the first.',
    );
  }
  if (bound.marker !== target.marker) {
    throw new OtherTarget(
      `${target.where} has ${target.marker === '' ? 'no mark' : 'another mark'} of this run: it is a copy, or a backup from before the run.`,
      `Point PG* or DATABASE_URL at ${bound.where}, as it was. If that one is gone for good, open another run.`,
    );
  }
  const there = new Set(committed);
  const lost = runbook.activities
    .flatMap(({ steps }) => steps)
    .filter(({ id, kind }) => {
      const step = state.steps[id];
      return COMMITTED.has(kind) && step?.status === 'done' && step.failure === null && !there.has(id);
    })
    .map(({ id }) => id);
  const reasons = [
    ...(bound.timeline === target.timeline
      ? []
      : [`it is on timeline ${target.timeline}, no longer on ${bound.timeline}: another server has been promoted`]),
    ...(lost.length === 0
      ? []
      : [`its ledger lacks ${lost.length === 1 ? 'a step that was' : `${lost.length} steps that were`} committed`]),
  ];
  return reasons.length === 0 ? null : { target, why: reasons.join('; '), lost };
}
