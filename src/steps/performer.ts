import type { Pool } from 'pg';
import { openPool } from '../postgres/connect.ts';
import { coordinates, type Environment, whereabouts } from '../postgres/coordinates.ts';
import { InDoubt } from '../postgres/errors.ts';
import { takeFence } from '../postgres/house.ts';
import { identify } from '../postgres/identity.ts';
import { unwatchRows, watchedTables } from '../postgres/row-sums.ts';
import { sessionName } from '../postgres/sessions.ts';
import { transaction } from '../postgres/transaction.ts';
import { type Performed, type Performer, RehearsedFailure } from '../run/performer.ts';
import { redactor as redactorOf } from '../run/redact.ts';
import type { Runbook } from '../runbook/plan.ts';
import type { Step } from '../runbook/step-schema.ts';
import { MOST_WORKERS } from '../runbook/target-steps.ts';
import { coveredResult, explain } from './explain.ts';
import type { Kind } from './kind.ts';
import { KINDS } from './kinds.ts';
import { undoFiles } from './undo-files.ts';
import type { World } from './world.ts';

/** Connections besides a step's own: to cancel with, to look who blocks, and for the watches. */
const SPARE_CONNECTIONS = 4;

export interface Opening {
  runbook: Runbook;
  env: Environment;
  /** The folder for what is kept of rows before an undo destroys them; made when it is needed. */
  exports: string;
}

/**
 * Performs steps against the real world. Connects when it is bound, so that a database that is away is the bind's
 * failure, not the opening's.
 */
export function openPerformer({ runbook, env, exports }: Opening): Performer {
  const redactor = redactorOf(env);
  let pool: Pool | undefined;
  let world: World | undefined;

  const bound = (): World => {
    if (world === undefined) throw new Error('No step is performed before the target is bound.');
    return world;
  };

  const coveredPerformed = (performed: Performed): Performed =>
    'finished' in performed
      ? { finished: coveredResult(performed.finished, redactor) }
      : { asks: coveredResult(performed.asks, redactor) };

  return {
    async bind(run, token) {
      pool ??= await openPool(env, { application: sessionName(run, token), max: connections(runbook) });
      const identity = await identify(pool);
      await takeFence(pool, run, token);
      world = { runbook, run, pool, env, redactor, exports };
      return { ...identity, where: whereabouts(coordinates(env)) };
    },

    async perform(step, act) {
      try {
        const performed = await kindOf(step).perform(step, act, bound());
        // Steps that can fail half-way have done so by themselves by now.
        if (act.failsNow()) throw new RehearsedFailure();
        return coveredPerformed(performed);
      } catch (error) {
        if (!(error instanceof InDoubt)) throw error;
        const verification = await this.verify(step, act);
        if (verification.found === 'done') return { finished: verification.result };
        throw error;
      }
    },

    async verify(step, act) {
      const verification = (await kindOf(step).verify?.(step, act, bound())) ?? { found: 'not-done' };
      return verification.found === 'done'
        ? { found: 'done', result: coveredResult(verification.result, redactor) }
        : verification;
    },

    async undo(step, act) {
      const own = await kindOf(step).undo?.(step, act, bound());
      const files = (step.undo?.files.length ?? 0) > 0 ? await undoFiles(step, act, bound()) : undefined;
      const summary = [own, files].flatMap((result) => result?.summary ?? []).join('; ');
      return coveredResult({ ...own, summary: summary === '' ? 'Nothing to undo' : summary }, redactor);
    },

    async letGo(token, signal) {
      const { pool, run } = bound();
      for (const table of await watchedTables(pool)) {
        await transaction({ pool, fence: { run, token }, signal }, (client) => unwatchRows(client, table));
      }
    },

    explain: (error) => explain(error, redactor),

    async close() {
      await pool?.end();
    },
  };
}

function kindOf<S extends Step>(step: S): Kind<S['kind']> {
  return KINDS[step.kind as S['kind']];
}

/** The most that are open at a time: workers may be added to a backfill at work. */
function connections(runbook: Runbook): number {
  const steps = runbook.activities.flatMap((activity) => activity.steps);
  return SPARE_CONNECTIONS + (steps.some(({ kind }) => kind === 'backfill') ? MOST_WORKERS : 1);
}
