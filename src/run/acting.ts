import { hostname } from 'node:os';
import type { Runbook } from '../runbook/plan.ts';
import type { Step, StepKind } from '../runbook/step-schema.ts';
import { doubtPrompt } from './answering/failure-prompts.ts';
import { nextRound } from './answering/prompts.ts';
import type { Failure, RunEvent } from './events.ts';
import { BEAT } from './heartbeat.ts';
import type { Act, Performer } from './performer.ts';
import type { Scribe } from './scribe.ts';
import { stepState } from './state.ts';
import { TargetChanged } from './target.ts';

/** What performing one step needs. */
export interface Stage {
  runbook: Runbook;
  scribe: Scribe;
  performer: Performer;
  /** Steps that a rehearsal lets fail at their first attempt. */
  failing: ReadonlySet<string>;
  /** Called after every wait of a step on the plan clock: a jump may have made messages due. */
  afterWait(): Promise<void>;
  /** Aborted when the conductor leaves. */
  leaving: AbortController;
}

/** Kinds that another conductor carries on with from where they stand; any other is finished before a handover. */
const LEFT_MIDWAY: ReadonlySet<StepKind> = new Set(['backfill', 'monitor']);

/** Why a step was broken off that somebody wanted stopped. */
class Interrupted extends Error {
  constructor() {
    super('The step was stopped on request; what it had under way was taken back.');
    this.name = 'Interrupted';
  }
}

function act(stage: Stage, step: Step, attempt: number, signal: AbortSignal): Act {
  const { scribe, failing } = stage;
  return {
    attempt,
    token: scribe.token,
    signal,
    clock: {
      now: () => scribe.clock.now(),
      until: async (moment, until) => {
        await scribe.clock.until(moment, until);
        await stage.afterWait();
      },
    },
    control: {
      get paused() {
        return scribe.state.paused;
      },
      get speed() {
        return scribe.state.speed;
      },
      get workers() {
        return scribe.state.workers;
      },
    },
    state: () => scribe.state,
    pulse: (progress) => scribe.pulse(step.id, progress),
    sample: (values) => scribe.log([{ type: 'step-sampled', step: step.id, values }]),
    program: ({ pid, started }) =>
      scribe.log([{ type: 'program-started', step: step.id, program: { host: hostname(), pid, started } }]),
    note: (note) => scribe.log([{ type: 'step-noted', step: step.id, note }]),
    failsNow: () => failing.has(step.id) && attempt === 1,
  };
}

/** Runs one act, broken off when somebody wants the run stopped or, unless it is an undo itself, rolled back. */
async function acting<T>(
  stage: Stage,
  step: Step,
  attempt: number,
  work: (act: Act) => Promise<T>,
): Promise<{ value: T; workMs: number }> {
  const stopping = new AbortController();
  const began = performance.now();
  const alreadyBack = stage.scribe.state.rollback !== null;
  const looking = setInterval(() => {
    const { stopping: leave, handingOver, rollback, abort } = stage.scribe.state;
    const handOver = handingOver !== null && LEFT_MIDWAY.has(step.kind);
    if (leave || handOver || abort || (rollback && !alreadyBack)) stopping.abort(new Interrupted());
  }, BEAT);
  // Also one that was told to leave while the act was put on record.
  const signal = AbortSignal.any([stopping.signal, stage.leaving.signal]);
  try {
    await stage.scribe.assureLease();
    signal.throwIfAborted();
    const value = await work(act(stage, step, attempt, signal));
    return { value, workMs: Math.round(performance.now() - began) };
  } catch (error) {
    // A wait that is broken off says only that it was; why is in the signal.
    if (error instanceof Error && error.name === 'AbortError') signal.throwIfAborted();
    throw error;
  } finally {
    clearInterval(looking);
  }
}

async function failed(
  stage: Stage,
  error: unknown,
  began: number,
  event: (failure: Failure, workMs: number) => RunEvent,
): Promise<void> {
  stage.leaving.signal.throwIfAborted();
  if (error instanceof TargetChanged) throw error;
  await stage.scribe.catchUp();
  // A step that was stopped to leave is in doubt; the next conductor resolves it by ledger or `verify`.
  if (stage.scribe.state.stopping || (stage.scribe.state.handingOver && error instanceof Interrupted)) return;
  await stage.scribe.log([event(stage.performer.explain(error), Math.round(performance.now() - began))]);
}

/** Does a step: its intent is on record before, its result after. @throws what keeps the journal from being written */
export async function perform(stage: Stage, step: Step, attempt: number): Promise<void> {
  const { scribe, performer } = stage;
  await scribe.log([{ type: 'step-begun', step: step.id, attempt }]);
  const began = performance.now();
  try {
    const { value, workMs } = await acting(stage, step, attempt, (act) => performer.perform(step, act));
    await scribe.log([
      'finished' in value
        ? { type: 'step-finished', step: step.id, attempt, result: value.finished, workMs }
        : { type: 'step-asked', step: step.id, result: value.asks },
    ]);
  } catch (error) {
    await failed(stage, error, began, (failure, workMs) => ({
      type: 'step-failed',
      step: step.id,
      attempt,
      failure,
      workMs,
    }));
  }
}

/** Takes a step back, on record likewise. @throws what keeps the journal from being written */
export async function undo(stage: Stage, step: Step): Promise<void> {
  const { scribe, performer } = stage;
  await scribe.log([{ type: 'undo-begun', step: step.id }]);
  const began = performance.now();
  try {
    const { attempt } = stepState(scribe.state, step.id);
    const { value, workMs } = await acting(stage, step, attempt, (act) => performer.undo(step, act));
    await scribe.log([{ type: 'undo-finished', step: step.id, result: value, workMs }]);
  } catch (error) {
    await failed(stage, error, began, (failure, workMs) => ({ type: 'undo-failed', step: step.id, failure, workMs }));
  }
}

/** Finds out whether a step happened that a conductor left behind; asks a person when nothing can tell. */
export async function resolveDoubt(stage: Stage, step: Step, attempt: number): Promise<void> {
  const { scribe, performer, runbook } = stage;
  const found = await acting(stage, step, attempt, (act) => performer.verify(step, act)).catch((error: unknown) => {
    // It stays in doubt, while the run stops or goes back.
    if (!(error instanceof Interrupted)) throw error;
  });
  if (found === undefined) return;
  const { value, workMs } = found;
  if (value.found === 'done') {
    await scribe.log([{ type: 'step-finished', step: step.id, attempt, result: value.result, workMs }]);
  } else if (value.found === 'not-done') {
    await scribe.log([{ type: 'step-not-done', step: step.id, why: 'neither ledger nor verify has seen it' }]);
  } else {
    const asked = doubtPrompt(runbook, scribe.state, step, value.why);
    await scribe.log([{ type: 'prompt-opened', prompt: { ...asked, round: nextRound(scribe.state, asked.id) } }]);
  }
}
