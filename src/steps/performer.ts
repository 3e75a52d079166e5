import type { Pool } from 'pg';
import { openPool } from '../postgres/connect.ts';
import { coordinates, type Environment, whereabouts } from '../postgres/coordinates.ts';
import { markerOf, takeFence } from '../postgres/house.ts';
import { identify } from '../postgres/identity.ts';
import { unwatchRows, watchedTables } from '../postgres/row-sums.ts';
import { sessionName } from '../postgres/sessions.ts';
import { transaction } from '../postgres/transaction.ts';
import type { Target } from '../run/events.ts';
import { type Act, type Performed, type Performer, RehearsedFailure } from '../run/performer.ts';
import type { Redactor } from '../run/redact.ts';
import { TargetChanged } from '../run/target.ts';
import { type Runbook, worksOnDatabase } from '../runbook/plan.ts';
import type { Step, StepKind } from '../runbook/step-schema.ts';
import { MOST_WORKERS } from '../runbook/target-steps.ts';
import { coveredResult, explain } from './explain.ts';
import type { Kind } from './kind.ts';
import { KINDS } from './kinds.ts';
import { throughLosses } from './reconnect.ts';
import { lookAtTarget } from './target.ts';
import { undoFiles } from './undo-files.ts';
import type { World } from './world.ts';

/** Connections besides a step's own: to cancel with, to look who blocks, and for the watches. */
const SPARE_CONNECTIONS = 4;

export interface Opening {
  runbook: Runbook;
  env: Environment;
  /** Told of every secret that comes up on the way. */
  redactor: Redactor;
  /** The folder for what is kept of rows before an undo destroys them; made when it is needed. */
  exports: string;
}

/**
 * Performs steps against the real world. Connects when it is bound, so that a database that is away is the bind's
 * failure, not the opening's.
 */
export function openPerformer({ runbook, env, redactor, exports }: Opening): Performer {
  let pool: Pool | undefined;
  let world: World | undefined;
  let target: Target | undefined;

  const database = worksOnDatabase(runbook);

  const worldOf = (run: string): World => ({
    runbook,
    run,
    env,
    redactor,
    exports,
    get pool() {
      if (pool === undefined) throw new Error('No step asks a database before it is bound, or where there is none.');
      return pool;
    },
  });

  const bound = (): World => {
    if (world === undefined) throw new Error('No step is performed before the target is bound.');
    return world;
  };

  /** The pool; each connection it makes after the binding is to the database of the binding, or to none. */
  const pooled = async (run: string, token: number): Promise<Pool> => {
    pool ??= await openPool(env, {
      application: sessionName(run, token),
      max: connections(runbook),
      async onConnect(client) {
        if (target === undefined) return;
        const { system, timeline } = await identify(client);
        const marker = await markerOf(client, run);
        if (system !== target.system || timeline !== target.timeline || marker !== target.marker) {
          throw new TargetChanged();
        }
      },
    });
    return pool;
  };

  /** Does work on the target, whatever becomes of the connection; other work as it is. */
  const onTarget = <T>(step: Step, act: Act, work: (act: Act) => Promise<T>): Promise<T> =>
    database && !ELSEWHERE.has(step.kind) ? throughLosses(act, bound(), work) : work(act);

  const coveredPerformed = (performed: Performed): Performed =>
    'finished' in performed
      ? { finished: coveredResult(performed.finished, redactor) }
      : { asks: coveredResult(performed.asks, redactor) };

  return {
    async look(run, token) {
      target = undefined;
      return await lookAtTarget(await pooled(run, token), env, run);
    },

    async bind(run, token, journal) {
      world = worldOf(run);
      if (!database) return null;
      const pool = await pooled(run, token);
      const identity = await identify(pool);
      const { marker, ended } = await takeFence(pool, { run, token }, journal);
      target = { ...identity, where: whereabouts(coordinates(env)), marker };
      return { target, notes: ended.rows.map(([pid, state, , query]) => redactor.redact(leftOpen(pid, state, query))) };
    },

    async perform(step, act) {
      const performed = await onTarget(step, act, (act) => kindOf(step).perform(step, act, bound()));
      // Steps that can fail half-way have done so by themselves by now.
      if (act.failsNow()) throw new RehearsedFailure();
      return coveredPerformed(performed);
    },

    async verify(step, act) {
      const verify = kindOf(step).verify;
      const verification = verify
        ? await onTarget(step, act, (act) => verify(step, act, bound()))
        : { found: 'not-done' as const };
      return verification.found === 'done'
        ? { found: 'done', result: coveredResult(verification.result, redactor) }
        : verification;
    },

    async undo(step, act) {
      const undone = async (act: Act) => [
        await kindOf(step).undo?.(step, act, bound()),
        (step.undo?.files.length ?? 0) > 0 ? await undoFiles(step, act, bound()) : undefined,
      ];
      const [own, files] = await (database ? throughLosses(act, bound(), undone) : undone(act));
      const summary = [own, files].flatMap((result) => result?.summary ?? []).join('; ');
      return coveredResult({ ...own, summary: summary === '' ? 'Nothing to undo' : summary }, redactor);
    },

    async letGo(token, signal) {
      if (!database) return;
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

/** Kinds that ask nothing of the target; what they do outside cannot be begun again for a lost connection. */
const ELSEWHERE: ReadonlySet<StepKind> = new Set(['command', 'http', 'notify']);

function leftOpen(pid = '', state = '', query = ''): string {
  return `the conductor before had left a transaction open; its server process ${pid} (${state}) was ended: ${query}`;
}

/** The most that are open at a time: workers may be added to a backfill at work. */
function connections(runbook: Runbook): number {
  const steps = runbook.activities.flatMap((activity) => activity.steps);
  return SPARE_CONNECTIONS + (steps.some(({ kind }) => kind === 'backfill') ? MOST_WORKERS : 1);
}
