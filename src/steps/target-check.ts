import type { PoolClient } from 'pg';
import { openPool } from '../postgres/connect.ts';
import { coordinates, type Environment, whereabouts } from '../postgres/coordinates.ts';
import { mustBeOurs } from '../postgres/foreign-house.ts';
import { identify } from '../postgres/identity.ts';
import { wallClock } from '../run/clock.ts';
import type { Evidence } from '../run/events.ts';
import { opened } from '../run/fold/opening.ts';
import type { Act } from '../run/performer.ts';
import { redactor as redactorOf } from '../run/redact.ts';
import { undoable } from '../run/undo.ts';
import { unset } from '../runbook/environment.ts';
import { madeNames } from '../runbook/made.ts';
import { findStep, type Runbook } from '../runbook/plan.ts';
import { filesOf } from '../runbook/psql-script.ts';
import { bind, MissingVariable, render, statements, variablesOf } from '../runbook/sql-file.ts';
import type { StepFile } from '../runbook/step-files.ts';
import type { Step, StepOf } from '../runbook/step-schema.ts';
import { check } from './check/check.ts';
import { gather } from './evidence.ts';
import { explain } from './explain.ts';
import { showPolicies } from './policies/inventory.ts';
import { resolve } from './resolve.ts';
import type { World } from './world.ts';

/** One thing that was looked at. `asks`: it would run, and people would be asked. `left`: it cannot be tried beforehand. */
export interface TargetFinding {
  verdict: 'ok' | 'wrong' | 'asks' | 'left';
  what: string;
  said: string;
  evidence?: Evidence[];
}

/** Of what nobody has limited, in ms: a look beforehand is no reason to keep a server busy for long. */
const TIMEOUT = 60_000;

/**
 * Whether a runbook would run against the database that the environment names, asked without changing anything: who is
 * there, whether the SQL names what is there, and what the checks and questions before the first change come to. All of it
 * in transactions that are read only and rolled back; the program's own schema is not made.
 * @throws ConnectionFailed, WrongTarget
 */
export async function* checkTarget(
  runbook: Runbook,
  env: Environment,
  signal: AbortSignal,
): AsyncGenerator<TargetFinding> {
  const pool = await openPool(env, { application: 'middlewatch check', max: 3 });
  try {
    const { role, version, database } = await identify(pool);
    yield {
      verdict: 'ok',
      what: whereabouts(coordinates(env)),
      said: `PostgreSQL ${version}, a primary; database ${database}, as ${role}`,
    };
    const world: World = { runbook, run: 'check', pool, env, redactor: redactorOf(env), exports: '' };
    const missing = unset(runbook, env);
    if (missing.length > 0)
      yield {
        verdict: 'left',
        what: 'environment',
        said: `not set here, and wanted by the run: ${missing.join(', ')}`,
      };
    yield* house(world);
    yield* names(world, signal);
    yield* looks(world, signal);
  } finally {
    await pool.end();
  }
}

async function* house({ pool, redactor }: World): AsyncGenerator<TargetFinding> {
  const { rows } = await pool.query<{ there: boolean; may: boolean }>(
    `select to_regnamespace('middlewatch') is not null as there,
            coalesce(has_schema_privilege(to_regnamespace('middlewatch'), 'create'),
                     has_database_privilege(current_database(), 'create')) as may`,
  );
  const [{ there, may } = { there: false, may: false }] = rows;
  const foreign = await mustBeOurs(pool).catch((error: unknown) => error);
  if (foreign !== undefined) {
    const { message, advice = '' } = explain(foreign, redactor);
    yield { verdict: 'wrong', what: 'schema middlewatch', said: `${message} ${advice}`.trim() };
    return;
  }
  yield may
    ? {
        verdict: 'ok',
        what: 'schema middlewatch',
        said: there ? 'is there already' : 'can be made when the run is opened',
      }
    : {
        verdict: 'wrong',
        what: 'schema middlewatch',
        said: there
          ? 'is there, and this role may not CREATE in it'
          : 'cannot be made: this role has no CREATE on the database',
      };
}

/** Looks up what every statement of every step names. One finding for all that is there, and one for each thing that is not. */
async function* names(world: World, signal: AbortSignal): AsyncGenerator<TargetFinding> {
  const made = madeNames(world.runbook);
  const tally = { all: 0, later: 0 };
  /** What is wrong, and every place that says so. */
  const wrong = new Map<string, Set<string>>();
  const client = await world.pool.connect();
  try {
    await client.query("begin read only; set local statement_timeout = '1min'; set local lock_timeout = '1s'");
    for (const step of world.runbook.activities.flatMap(({ steps }) => steps)) {
      for (const file of filesOf(world.runbook, step)) {
        signal.throwIfAborted();
        if (file.use !== 'undo' && file.use !== 'export') await inFile(client, world, step, file, made, tally, wrong);
      }
    }
  } finally {
    await client.query('rollback').catch(() => undefined);
    client.release();
  }
  yield {
    verdict: 'ok',
    what: 'names in the SQL',
    said: `${tally.all} statements name what is there; ${tally.later} name what earlier steps make`,
  };
  for (const [what, [first = '', ...others]] of wrong) {
    const more =
      others.length === 0 ? '' : ` and ${others.length === 1 ? 'one more place' : `${others.length} more places`}`;
    yield { verdict: 'wrong', what, said: `${first}${more}` };
  }
}

async function inFile(
  client: PoolClient,
  { runbook }: World,
  step: Step,
  { file, vars, use, of }: StepFile,
  made: ReadonlySet<string>,
  tally: { all: number; later: number },
  wrong: Map<string, Set<string>>,
): Promise<void> {
  const text = runbook.sources.files[file]?.text ?? '';
  // What a person's row puts into the text itself is only known when it runs: it has its own name until then.
  if (use === 'as-people' && variablesOf(text).some(({ form, name }) => form !== 'literal' && vars[name] === name))
    return;
  let filled: string;
  try {
    // As it is run: statements of a file one after the other, or one query with its values bound.
    filled = use === 'work' && step.kind !== 'backfill' ? render(text, vars) : bind(text, vars).text;
  } catch (error) {
    if (error instanceof MissingVariable) return;
    throw error;
  }
  for (const statement of statements(filled)) {
    const resolution = await resolve(client, statement, made);
    if (resolution.found !== 'wrong') {
      tally[resolution.found] += 1;
      continue;
    }
    const places = wrong.get(resolution.why) ?? new Set();
    wrong.set(resolution.why, places);
    places.add(`${file}:${statement.line}${of === undefined ? '' : `, for ${of}`} (${step.id})`);
  }
}

/** Performs what looks and asks before the first step that leaves anything behind, and tells what it would come to. */
async function* looks(world: World, signal: AbortSignal): AsyncGenerator<TargetFinding> {
  const { sources, opens } = world.runbook;
  const by = { role: '', name: '' };
  // Of a run that has just been opened: nobody has decided anything.
  const state = opened(
    { type: 'run-opened', run: world.run, sources, opens, settings: {}, rehearsal: false, by, people: {} },
    opens,
  );
  const act: Act = {
    attempt: 1,
    token: 0,
    signal,
    control: { paused: false, speed: 1, workers: null },
    clock: wallClock,
    state: () => state,
    pulse: () => undefined,
    sample: async () => undefined,
    program: async () => undefined,
    note: async () => undefined,
    failsNow: () => false,
  };
  for (const step of world.runbook.activities.flatMap(({ steps }) => steps)) {
    if (undoable(step) || step.kind === 'backfill') return;
    const look = await lookAt({ ...step, timeout: step.timeout ?? TIMEOUT }, act, world);
    if (look !== undefined) yield { what: step.id, ...look };
  }
}

type Look = Omit<TargetFinding, 'what'>;

async function lookAt(step: Step, act: Act, world: World): Promise<Look | undefined> {
  if (step.when !== undefined) return undefined;
  try {
    if (step.kind === 'check') return await checked(step, act, world);
    if (step.kind === 'decision') return await asked(step, act, world);
    return undefined;
  } catch (error) {
    const { message, advice = '', evidence = [] } = explain(error, world.redactor);
    return { verdict: 'wrong', said: `${message} ${advice}`.trim(), evidence };
  }
}

async function asked(step: StepOf<'decision'>, act: Act, world: World): Promise<Look | undefined> {
  const settles = world.runbook.activities.some(({ steps }) =>
    steps.some((each) => each.kind === 'policies' && each.unexpected === step.id),
  );
  if (step.evidence.length === 0 && !settles) return undefined;
  const { rows, evidence } = await gather(step, act, world);
  const policies = await showPolicies(step, act, world);
  const all = rows + policies.rows;
  if (all === 0 && step.ask === 'if-rows') return { verdict: 'ok', said: 'nothing to decide' };
  return {
    verdict: 'asks',
    said: `${step.question} (${all === 1 ? '1 row' : `${all} rows`})`,
    evidence: [...evidence, ...policies.evidence],
  };
}

async function checked({ command, ...step }: StepOf<'check'>, act: Act, world: World): Promise<Look | undefined> {
  if (command !== undefined) return { verdict: 'left', said: 'a command of yours, which is not run beforehand' };
  if (step.access !== undefined) {
    const about = findStep(world.runbook, step.access)?.step;
    const decision = about?.kind === 'policies' ? about.unexpected : undefined;
    const settled = decision === undefined ? undefined : findStep(world.runbook, decision)?.step;
    if (settled?.kind === 'decision' && (await showPolicies(settled, act, world)).rows > 0)
      return { verdict: 'left', said: `depends on what is decided at ${settled.id}` };
  } else if (step.sql === undefined) return undefined;
  const performed = await check.perform(step, act, world);
  return { verdict: 'ok', said: 'finished' in performed ? performed.finished.summary : performed.asks.summary };
}
