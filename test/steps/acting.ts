import { hostname } from 'node:os';
import pg from 'pg';
import type { Act } from '../../src/run/performer.ts';
import type { ProcessIdentity } from '../../src/run/process.ts';
import { redactor } from '../../src/run/redact.ts';
import { PENDING, type RunState, type StepState } from '../../src/run/state.ts';
import { planRunbook, type Runbook } from '../../src/runbook/plan.ts';
import { document } from '../../src/runbook/schema.ts';
import { type Step, type StepKind, type StepOf, step } from '../../src/runbook/step-schema.ts';
import type { World } from '../../src/steps/world.ts';

type Files = Record<string, string>;

const sourceFile = (path: string, text: string) => ({ path, text, hash: path });

/** A runbook with these parts, and files that exist only here. */
export function runbookOf(parts: object = {}, files: Files = {}): Runbook {
  const written = document.parse({
    runbook: 1,
    id: 'test',
    title: 'Test',
    window: { opens: '2025-11-10T02:00:00Z', closes: '2025-11-10T06:00:00Z' },
    roles: { ops: { title: 'Operations' } },
    timeline: [{ id: 'all', title: 'All', at: '02:00', owner: 'ops' }],
    rollback: { approver: 'ops' },
    ...parts,
  });
  return planRunbook(written, {
    yaml: sourceFile('runbook.yaml', ''),
    files: Object.fromEntries(Object.entries(files).map(([path, text]) => [path, sourceFile(path, text)])),
  });
}

/** What a step works on. Without a pool, a step that asks the database fails. */
export function worldOf(
  options: { parts?: object; files?: Files; pool?: pg.Pool; env?: Record<string, string> } = {},
): World {
  const env = options.env ?? {};
  return {
    runbook: runbookOf(options.parts, options.files),
    run: 'test',
    pool: options.pool ?? new pg.Pool({ port: 1 }),
    env,
    redactor: redactor(env),
    exports: 'exports',
  };
}

/** A step as the runbook's schema reads it. */
export function stepOf<K extends StepKind>(kind: K, fields: object): StepOf<K> {
  const parsed: Step = step.parse({ id: 'it', title: 'It', ...fields, kind });
  return parsed as StepOf<K>;
}

/** A state in which these steps have come as far as it says. */
export function stateOf(steps: Record<string, Partial<StepState>> = {}, over: Partial<RunState> = {}): RunState {
  const known = Object.entries(steps).map(([id, state]) => [id, { ...PENDING, ...state }]);
  return {
    steps: Object.fromEntries(known),
    prompts: [],
    messages: {},
    watches: {},
    rollback: null,
    target: null,
    ...over,
  } as RunState;
}

/** An act on a clock that jumps; what is sampled goes into the state of the step `it`, as the journal would have it. */
export function actOf(options: { state?: RunState; signal?: AbortSignal } = {}): Act & { now: number } {
  let state = options.state ?? stateOf();
  const act = {
    now: Date.parse('2025-11-10T02:00:00Z'),
    attempt: 1,
    token: 1,
    signal: options.signal ?? new AbortController().signal,
    control: { paused: false, speed: 1, workers: null },
    clock: {
      now: () => act.now,
      async until(moment: number, signal: AbortSignal) {
        signal.throwIfAborted();
        act.now = Math.max(act.now, moment);
      },
    },
    state: () => state,
    pulse: () => undefined,
    async sample(values: Record<string, number>) {
      const it = state.steps.it ?? PENDING;
      state = { ...state, steps: { ...state.steps, it: { ...it, samples: [...it.samples, { at: act.now, values }] } } };
    },
    note: async () => undefined,
    async program({ pid, started }: ProcessIdentity) {
      const it = state.steps.it ?? PENDING;
      const program = { host: hostname(), pid, started };
      state = { ...state, steps: { ...state.steps, it: { ...it, program } } };
    },
    failsNow: () => false,
  };
  return act;
}
