import type { Evidence, Facts } from '../run/events.ts';
import type { Act, Verification } from '../run/performer.ts';
import { factsOf } from '../run/state.ts';
import type { Request } from '../runbook/step-parts.ts';
import type { StepOf } from '../runbook/step-schema.ts';
import { ExpectationFailed, type Kind } from './kind.ts';
import { allowedMs, percentile, roundMs } from './latency.ts';
import { put, RequestFailed } from './request.ts';
import { shown, type World } from './world.ts';

type Http = StepOf<'http'>;

/**
 * Probes the application: its requests in order, as often as `runs` says, each round with captures of its own. Leaves
 * median and p99 of each request as facts, and compares the median with those of the baseline step.
 */
export const http: Kind<'http'> = {
  async perform(step, act, world) {
    const times = await rounds(step, act, world);
    const facts: Facts = { runs: step.runs };
    for (const [id, ms] of times) {
      facts[`${id}.p50Ms`] = roundMs(percentile(ms, 0.5));
      facts[`${id}.p99Ms`] = roundMs(percentile(ms, 0.99));
    }
    const before = step.against === undefined ? undefined : factsOf(act.state(), step.against);
    const evidence = table(step, facts, before);
    const slow = before === undefined ? [] : tooSlow(step, facts, before, evidence);
    if (slow.length > 0) {
      throw new ExpectationFailed(`Slower than the baseline allows: ${slow.join('; ')}`, [evidence]);
    }
    const asked = step.requests.length === 1 ? 'One request' : `${step.requests.length} requests`;
    const summary = `${asked} answered as expected${step.runs === 1 ? '' : `, ${step.runs} times each`}`;
    const compared = before === undefined ? '' : ', no slower than the baseline allows';
    return { finished: { summary: summary + compared, facts, evidence: [evidence] } };
  },

  async verify(step, act, world) {
    if (step.verify !== undefined) return await verified(step.verify, act, world);
    const changing = step.requests.filter(({ method }) => method !== 'GET');
    // What is put again and again anyway may be put once more.
    if (step.runs > 1 || changing.length === 0) return { found: 'not-done' };
    const which = changing.map(({ id, method, url }) => `${id} (${method} ${shown(world, url)})`).join(', ');
    return { found: 'unclear', why: `It may have been put, or not: ${which}. The step has no requests to verify it.` };
  },
};

/** Whether the application answers as it does once the step has happened. */
async function verified(requests: Request[], act: Act, world: World): Promise<Verification> {
  let captured: Record<string, string> = {};
  try {
    for (const request of requests) {
      captured = { ...captured, ...(await put(request, captured, world, act.signal)).captured };
    }
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error;
    // One that is in trouble says nothing of what has happened.
    const told = error.status !== undefined && error.status < 500;
    return told ? { found: 'not-done' } : { found: 'unclear', why: error.message };
  }
  return { found: 'done', result: { summary: 'Had already been done, says its verification' } };
}

/** Durations of every request in ms, by its id. */
async function rounds(step: Http, act: Act, world: World): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>(step.requests.map((each) => [each.id, []]));
  for (let round = 1; round <= step.runs; round++) {
    let captured: Record<string, string> = {};
    for (const request of step.requests) {
      const reply = await put(request, captured, world, act.signal);
      captured = { ...captured, ...reply.captured };
      times.get(request.id)?.push(reply.ms);
    }
    act.pulse({ done: round, total: step.runs, unit: 'rounds' });
  }
  return times;
}

const ms = (value: unknown) => (typeof value === 'number' ? `${value} ms` : '–');

function table(step: Http, facts: Facts, before: Facts | undefined): Evidence {
  const rows = step.requests.map(({ id }) => [
    id,
    ms(facts[`${id}.p50Ms`]),
    ms(facts[`${id}.p99Ms`]),
    ...(before === undefined ? [] : [ms(before[`${id}.p50Ms`])]),
  ]);
  const columns = ['request', 'median', 'p99', ...(before === undefined ? [] : ['median before'])];
  return { kind: 'rows', title: 'Answer times', columns, rows, more: 0 };
}

/** @throws ExpectationFailed when there is nothing to compare with: that would be no comparison passed */
function tooSlow(step: Http, facts: Facts, before: Facts, evidence: Evidence): string[] {
  const { within } = step;
  if (within === undefined) return [];
  return step.requests.flatMap(({ id }) => {
    const was = before[`${id}.p50Ms`];
    const is = facts[`${id}.p50Ms`];
    if (typeof was !== 'number') {
      throw new ExpectationFailed(
        `The step ${step.against} has no answer time of the request ${id} to compare with.`,
        [evidence],
        'Run that step first, or accept that this cannot be told.',
      );
    }
    if (typeof is !== 'number' || is <= allowedMs(was, within)) return [];
    return [`${id} took ${is} ms, at most ${roundMs(allowedMs(was, within))} ms allowed (was ${was} ms)`];
  });
}
