import { type Runbook, stepsCalled } from '../runbook/plan.ts';
import type { Criterion } from '../runbook/schema.ts';
import type { Step } from '../runbook/step-schema.ts';
import { spell } from './spell.ts';
import { choiceOf, type RunState, stepState } from './state.ts';
import { windowSpan } from './window.ts';

export type VerdictKind = 'met' | 'met-with-exceptions' | 'not-met' | 'not-proved';

/** What a success criterion came to, and what shows it: one line each. Proofs may quote text from outside. */
export interface Verdict {
  id: string;
  says: string;
  verdict: VerdictKind;
  proof: string[];
}

type Finding = Pick<Verdict, 'verdict' | 'proof'>;

function proofOf(state: RunState, step: Step): Finding {
  const { status, result, reason, failure, endedAt } = stepState(state, step.id);
  const say = (verdict: VerdictKind, what: string): Finding => ({ verdict, proof: [`${step.title}: ${what}`] });
  switch (status) {
    case 'done': {
      const { begunAt } = state.rollback ?? { begunAt: null };
      if (begunAt !== null && (endedAt ?? 0) < begunAt) return say('not-proved', 'passed, but before the rollback');
      const chosen = choiceOf(state, step.id);
      if (step.kind === 'signoff' && step.proposal !== 'rollback-required' && (chosen === 'no' || chosen === 'fail')) {
        return say('not-met', `signed off as “${chosen}”${reason === null ? '' : ` because: ${reason}`}`);
      }
      const exceptions = result?.exceptions ?? [];
      if (exceptions.length > 0) return say('met-with-exceptions', exceptions.join('; '));
      return say('met', result?.summary ?? 'done');
    }
    case 'accepted': {
      const what = [...(result?.exceptions ?? []), ...(failure ? [failure.message] : [])].join('; ');
      const accepted = `accepted${reason === null ? '' : ` because: ${reason}`}`;
      return say('met-with-exceptions', what === '' ? accepted : `${what} – ${accepted}`);
    }
    case 'failed':
      return say('not-met', failure?.message ?? 'failed');
    case 'undoing':
    case 'undo-failed':
    case 'undone':
      // What a check saw is not made untrue by a rollback; it only no longer shows anything.
      if (step.kind === 'check') return say('not-proved', 'passed or not, but before the rollback');
      return say('not-met', 'undone by the rollback');
    case 'skipped':
      return say('not-proved', `skipped: ${reason ?? 'not needed'}`);
    default:
      return say('not-proved', status === 'pending' ? 'not done' : status);
  }
}

const WORST_FIRST: VerdictKind[] = ['not-met', 'not-proved', 'met-with-exceptions', 'met'];

function bySteps(runbook: Runbook, state: RunState, ids: string[]): Finding {
  const found = ids.flatMap((id) => stepsCalled(runbook, id)).map((step) => proofOf(state, step));
  const verdict = WORST_FIRST.find((kind) => found.some((each) => each.verdict === kind)) ?? 'not-proved';
  return { verdict, proof: found.flatMap((each) => each.proof) };
}

function byWindow(runbook: Runbook, state: RunState, limit: number): Finding {
  const { beganAt, endedAt } = windowSpan(runbook, state);
  if (beganAt === null) return { verdict: 'not-proved', proof: ['The window never began'] };
  const took = (endedAt ?? state.lastAt) - beganAt;
  const says = `${spell(took)} of at most ${spell(limit)}`;
  if (took >= limit) return { verdict: 'not-met', proof: [says] };
  const finished = endedAt !== null && (state.outcome === null || state.outcome.outcome === 'done');
  return { verdict: finished ? 'met' : 'not-proved', proof: [finished ? says : `${says}, and not finished`] };
}

function byDowntime(runbook: Runbook, state: RunState, limit: number): Finding {
  const watches = runbook.document.watches.flatMap((watch) => {
    const seen = state.watches[watch.id];
    return seen && seen.asked > 0 ? [{ title: watch.title, ...seen }] : [];
  });
  if (watches.length === 0) return { verdict: 'not-proved', proof: ['The application was not watched'] };
  const proof = watches.map(
    (each) => `${each.title}: away for ${spell(each.downMs)}, ${each.failed} of ${each.asked} requests failed`,
  );
  if (watches.some((each) => each.downMs >= limit)) return { verdict: 'not-met', proof };
  return { verdict: windowSpan(runbook, state).endedAt === null ? 'not-proved' : 'met', proof };
}

function byNoRollback(runbook: Runbook, state: RunState): Finding {
  if (state.rollback !== null) {
    const begun = state.rollback.begunAt !== null;
    return { verdict: begun ? 'not-met' : 'not-proved', proof: [`Rollback wanted: ${state.rollback.reason}`] };
  }
  const finished = windowSpan(runbook, state).endedAt !== null && (state.outcome?.outcome ?? 'done') === 'done';
  return finished
    ? { verdict: 'met', proof: ['The window ended without a rollback'] }
    : { verdict: 'not-proved', proof: ['The window has not ended'] };
}

function judge(runbook: Runbook, state: RunState, criterion: Criterion): Finding {
  if (criterion.steps) return bySteps(runbook, state, criterion.steps);
  if (criterion.window_within !== undefined) return byWindow(runbook, state, criterion.window_within);
  if (criterion.downtime_within !== undefined) return byDowntime(runbook, state, criterion.downtime_within);
  return byNoRollback(runbook, state);
}

/**
 * The runbook's success criteria, judged by what has happened. A criterion is met only when all of its proofs are there;
 * a proof from before a rollback no longer counts. Pure.
 */
export function verdicts(runbook: Runbook, state: RunState): Verdict[] {
  return runbook.document.success.map((criterion) => ({
    id: criterion.id,
    says: criterion.says,
    ...judge(runbook, state, criterion),
  }));
}
