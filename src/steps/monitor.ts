import type { Table } from '../postgres/ask.ts';
import { sqlState } from '../postgres/errors.ts';
import type { Evidence } from '../run/events.ts';
import type { Act } from '../run/performer.ts';
import { factsOf, stepState } from '../run/state.ts';
import { TargetChanged } from '../run/target.ts';
import type { StepOf } from '../runbook/step-schema.ts';
import { UnknownPlaceholder } from '../runbook/template.ts';
import { ExpectationFailed, type Kind } from './kind.ts';
import { BROKEN, judge, type Limit, UNKNOWN, type Verdict } from './monitor-verdict.ts';
import { query, rowsShown } from './query.ts';
import { put, RequestFailed } from './request.ts';
import { rolledBack } from './rolled-back.ts';
import type { World } from './world.ts';

type Monitor = StepOf<'monitor'>;
type Sample = Monitor['samples'][number];

/** Characters of what a query says beside its number that go to the log. */
const SAID = 300;

/**
 * Looks at the same few numbers again and again, by the plan clock. What was seen is in the journal and nowhere else, so
 * after a crash the next conductor carries on where this one was; and the verdict is a function of it. A limit that was
 * passed is shown at once and fails the step at the end; a number that never could be told is an exception, no success.
 */
export const monitor: Kind<'monitor'> = {
  async perform(step, act, world) {
    const limits = step.samples.map((sample) => limitOf(sample, act));
    const seen = () => stepState(act.state(), step.id).samples;
    const rounds = Math.floor(step.for / step.every) + 1;
    const first = seen()[0]?.at ?? act.clock.now();
    const shown = new Map<string, Evidence>();
    for (let round = seen().length; round < rounds; round++) {
      await act.clock.until(first + round * step.every, act.signal);
      const before = judge(limits, seen());
      const { values, tables } = await look(step, act, world);
      await act.sample(values);
      const after = judge(limits, seen());
      const broken = after.filter((each) => each.breaches > 0);
      for (const [i, { id, breaches }] of after.entries()) {
        const found = breaches > (before[i]?.breaches ?? 0) ? tables.get(id) : undefined;
        if (found === undefined) continue;
        if (!shown.has(id)) await act.note(world.redactor.redact(`${id} is over its limit: ${said(found)}`));
        shown.set(id, rowsShown(`${id}, when it was last over its limit`, found));
      }
      act.pulse({
        done: round + 1,
        total: rounds,
        unit: 'samples',
        ...(broken.length > 0 ? { note: `over its limit: ${broken.map((each) => each.id).join(', ')}` } : {}),
      });
    }
    const verdicts = judge(limits, seen());
    const evidence = [table(verdicts), ...shown.values()];
    const breached = verdicts.filter((each) => each.breaches > 0);
    if (breached.length > 0) {
      throw new ExpectationFailed(`Over its limit: ${breached.map(inWords).join('; ')}.`, evidence);
    }
    const untold = verdicts.filter((each) => each.values === 0);
    return {
      finished: {
        summary: `${rounds} samples, ${untold.length === 0 ? 'all' : 'those that could be told'} within their limits`,
        facts: Object.fromEntries(verdicts.filter((each) => each.values > 0).map((each) => [each.id, each.worst])),
        evidence,
        exceptions: untold.map((each) => `${each.id}: cannot tell`),
      },
    };
  },
};

/** @throws ExpectationFailed when the baseline is not there: a limit that depends on it could never be passed */
function limitOf({ id, at_most, times, or_ms, against, request }: Sample, act: Act): Limit {
  if (times === undefined) return { id, atMost: at_most ?? null, times: null, orMs: 0 };
  if (against === undefined) return { id, atMost: at_most ?? null, times, orMs: or_ms };
  const before = factsOf(act.state(), against)[`${request?.id ?? id}.p50Ms`];
  if (typeof before !== 'number') {
    throw new ExpectationFailed(
      `The step ${against} has no answer time of ${request?.id ?? id} to compare ${id} with.`,
    );
  }
  return {
    id,
    atMost: Math.min(at_most ?? Number.POSITIVE_INFINITY, Math.max(before * times, or_ms)),
    times: null,
    orMs: 0,
  };
}

/**
 * One look at everything. Numbers under the samples' ids; under `id.broken` and `id.unknown` that there is none, and why.
 * Of queries that say more than a number, what they found.
 */
async function look(
  step: Monitor,
  act: Act,
  world: World,
): Promise<{ values: Record<string, number>; tables: Map<string, Table> }> {
  const values: Record<string, number> = {};
  const tables = new Map<string, Table>();
  const captured: Record<string, string> = {};
  for (const sample of step.samples) {
    if (sample.request !== undefined) {
      try {
        const reply = await put(sample.request, captured, world, act.signal);
        values[sample.id] = reply.ms;
        Object.assign(captured, reply.captured);
      } catch (error) {
        // What an earlier request of this round should have captured is not there when that one failed.
        const uncaptured = error instanceof UnknownPlaceholder && !error.path.includes('.');
        if (!uncaptured && !(error instanceof RequestFailed)) throw error;
        values[sample.id + BROKEN] = 1;
      }
    }
    if (sample.sql !== undefined) {
      const found = await answer(step, act, world, sample.sql);
      const value = found?.rows[0]?.[0]?.trim() ?? '';
      if (found === undefined) values[sample.id + BROKEN] = 1;
      else if (value === '' || Number.isNaN(Number(value))) values[sample.id + UNKNOWN] = 1;
      else values[sample.id] = Number(value);
      if (found !== undefined && found.columns.length > 1) tables.set(sample.id, found);
    }
  }
  return { values, tables };
}

/** What a query finds; undefined when there was no answer. @throws what the server said when the query can never work */
async function answer(step: Monitor, act: Act, world: World, path: string): Promise<Table | undefined> {
  const { settings } = world.runbook.document;
  try {
    return await rolledBack(world, step, act, 'read only', (client) => query(client, world, path, settings));
  } catch (error) {
    act.signal.throwIfAborted();
    // Class 42: the query itself is wrong. Anything else may be better next time: lost connections, time-outs.
    if (!(error instanceof Error) || error instanceof TargetChanged || sqlState(error)?.startsWith('42')) throw error;
    return undefined;
  }
}

/** What the first row has beside the number, as far as it goes on a line. */
const said = ({ rows }: Table) => (rows[0] ?? []).slice(1).join(', ').slice(0, SAID);

const shortly = (value: number | null) => (value === null ? '–' : String(Math.round(value * 100) / 100));

function inWords({ id, breaches, worst, atMost, broken }: Verdict): string {
  const of = `${breaches} ${breaches === 1 ? 'time' : 'times'}`;
  return broken === breaches
    ? `${id} failed ${of}`
    : `${id} ${of}, ${shortly(worst)} at worst, at most ${shortly(atMost)}`;
}

function table(verdicts: Verdict[]): Evidence {
  return {
    kind: 'rows',
    title: 'What was seen',
    columns: ['sample', 'values', 'worst', 'at most', 'over', 'failed', 'cannot tell'],
    rows: verdicts.map((each) => [
      each.id,
      String(each.values),
      each.values === 0 ? '–' : shortly(each.worst),
      shortly(each.atMost),
      String(each.breaches - each.broken),
      String(each.broken),
      String(each.unknown),
    ]),
    more: 0,
  };
}
