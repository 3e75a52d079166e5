import type { Result } from '../../src/run/events.ts';
import type { Act, Performer } from '../../src/run/performer.ts';
import { redactor } from '../../src/run/redact.ts';
import type { Step } from '../../src/runbook/step-schema.ts';
import { openPerformer } from '../../src/steps/performer.ts';
import { actOf, runbookOf } from './acting.ts';

/** The real performer, bound as the conductor with this token would. Closed by `await using`. */
export async function performing(
  env: Record<string, string>,
  options: { run?: string; token?: number; parts?: object; files?: Record<string, string>; exports?: string } = {},
): Promise<Performer & AsyncDisposable> {
  const performer = openPerformer({
    // By its SQL a runbook is one that works on a database.
    runbook: runbookOf(options.parts, options.files ?? { 'any.sql': '' }),
    env,
    redactor: redactor(env),
    exports: options.exports ?? 'exports',
  });
  await performer.bind(options.run ?? 'test', options.token ?? 1, 'journal');
  return Object.assign(performer, { [Symbol.asyncDispose]: () => performer.close() });
}

/** What a step came to that finishes without asking anybody. */
export async function finished(performer: Performer, step: Step, act: Act = actOf()): Promise<Result> {
  const performed = await performer.perform(step, act);
  if ('finished' in performed) return performed.finished;
  throw new Error(`${step.id} asks instead of finishing: ${performed.asks.summary}`);
}

/** An act that a rehearsal lets fail, once. */
export function failingAct(): Act {
  let asked = false;
  return Object.assign(actOf(), {
    failsNow: () => {
      if (asked) return false;
      asked = true;
      return true;
    },
  });
}
