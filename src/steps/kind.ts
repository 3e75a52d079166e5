import type { Evidence, Result } from '../run/events.ts';
import type { Act, Performed, Verification } from '../run/performer.ts';
import type { StepKind, StepOf } from '../runbook/step-schema.ts';
import type { World } from './world.ts';

/** How one kind of step is done, looked up and undone. */
export interface Kind<K extends StepKind> {
  /**
   * Does the step. Throws when it failed; `advice`, `code` and `evidence` of what is thrown are shown to the person.
   * Leaves nothing half done that `perform` could not carry on with.
   */
  perform(step: StepOf<K>, act: Act, world: World): Promise<Performed>;
  /** Whether an act that was begun and not finished has happened. Absent: it changes nothing, so it is done again. */
  verify?(step: StepOf<K>, act: Act, world: World): Promise<Verification>;
  /** Takes back what was done, and is content when there is nothing. The step's `undo.files` are run after it. */
  undo?(step: StepOf<K>, act: Act, world: World): Promise<Result>;
}

/** A step did its work and found something that should not be so. The evidence shows it. */
export class ExpectationFailed extends Error {
  readonly evidence: Evidence[];
  readonly advice: string | undefined;
  /** It is not for anybody to accept. */
  readonly hard: boolean;
  constructor(message: string, evidence: Evidence[] = [], advice?: string, { hard = false } = {}) {
    super(message);
    this.name = 'ExpectationFailed';
    this.evidence = evidence;
    this.advice = advice;
    this.hard = hard;
  }
}
