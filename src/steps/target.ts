import type { Queryable } from '../postgres/ask.ts';
import { coordinates, type Environment, whereabouts } from '../postgres/coordinates.ts';
import { markerOf } from '../postgres/house.ts';
import { identify } from '../postgres/identity.ts';
import { recordedSteps } from '../postgres/ledger.ts';
import type { Act } from '../run/performer.ts';
import { doubtOf, type Found, OtherTarget, TargetChanged } from '../run/target.ts';
import type { World } from './world.ts';

/** What answers, and what of this run it has. @throws Standby, WrongTarget */
export async function lookAtTarget(on: Queryable, env: Environment, run: string): Promise<Found> {
  const identity = await identify(on);
  const marker = await markerOf(on, run);
  return {
    target: { ...identity, where: whereabouts(coordinates(env)), marker: marker ?? '' },
    committed: marker === undefined ? [] : await recordedSteps(on, run),
  };
}

/** @throws TargetChanged unless the database is as the run left it */
export async function assureTarget(act: Act, { pool, env, run, runbook }: World): Promise<void> {
  const found = await lookAtTarget(pool, env, run);
  try {
    if (doubtOf(runbook, act.state(), found) === null) return;
  } catch (error) {
    if (!(error instanceof OtherTarget)) throw error;
  }
  throw new TargetChanged();
}
