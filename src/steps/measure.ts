import type { PoolClient } from 'pg';
import type { Evidence, Facts } from '../run/events.ts';
import { factsOf } from '../run/state.ts';
import { itemsOf } from '../runbook/plan.ts';
import type { Item } from '../runbook/schema.ts';
import type { StepOf } from '../runbook/step-schema.ts';
import { type Actor, actorsOf } from './actors.ts';
import { inTheirName } from './attack.ts';
import { explained, tooSmall } from './explained.ts';
import { ExpectationFailed, type Kind } from './kind.ts';
import { allowedMs, percentile, roundMs } from './latency.ts';
import { rolledBack } from './rolled-back.ts';
import type { World } from './world.ts';

type Measure = StepOf<'measure'>;
type Query = Measure['queries'][number];

/** What one query on one table came to. */
interface Measured {
  /** `query.table`, or `query` when the step names no tables; its median is the fact `….p50Ms`. */
  id: string;
  p50Ms: number;
  p99Ms: number;
  plan: string;
  /** Whether any index took part. */
  indexed: boolean;
  /** Null: not asked for. What the baseline did without an index, for a policy that no index serves, nobody has made worse. */
  index: 'used' | 'not used' | 'none before either' | 'too small to tell' | null;
}

/**
 * Times queries as real users would wait for them, under row-level security, and looks at the plan for the index they are
 * meant to use. Without `against` it is the baseline; with it the medians are compared.
 */
export const measure: Kind<'measure'> = {
  async perform(step, act, world) {
    const items = itemsOf(world.runbook, step.tables);
    const before = step.against === undefined ? undefined : factsOf(act.state(), step.against);
    const measured: Measured[] = [];
    const exceptions: string[] = [];
    for (const [done, item] of (items.length > 0 ? items : [{} as Item]).entries()) {
      act.pulse({ done, total: Math.max(1, items.length), unit: 'tables', note: item.name ?? '' });
      const here = await rolledBack(world, step, act, 'read only', async (client) => {
        const actors = await actorsOf(client, world, step.actors, step.role, item);
        const queries: Measured[] = [];
        if (actors.length === 0) return queries;
        for (const query of step.queries) queries.push(await time(client, step, world, query, item, actors, before));
        return queries;
      });
      if (here.length === 0) exceptions.push(`${item.name ?? step.title}: nobody to measure as`);
      measured.push(...here);
    }
    const evidence = table(measured, before);
    const wrong = [
      ...measured
        .filter((each) => each.index === 'not used')
        .map(({ id, plan }) => `${id} does not use the index it should (${plan})`),
      ...(before === undefined ? [] : slower(step, measured, before, exceptions)),
    ];
    if (wrong.length > 0) {
      throw new ExpectationFailed(
        `Not as fast as it should be: ${wrong.join('; ')}.`,
        [evidence],
        'Look whether the indexes are there and the tables analysed, then retry; or accept it with a reason.',
      );
    }
    const facts: Facts = Object.fromEntries(
      measured.flatMap(({ id, p50Ms, indexed }) => [
        [`${id}.p50Ms`, p50Ms],
        [`${id}.indexed`, indexed],
      ]),
    );
    const compared = before === undefined ? 'the baseline' : 'none slower than the baseline allows';
    return {
      finished: { summary: `${measured.length} queries, ${compared}`, facts, evidence: [evidence], exceptions },
    };
  },
};

async function time(
  client: PoolClient,
  step: Measure,
  world: World,
  query: Query,
  item: Item,
  actors: Actor[],
  before: Facts | undefined,
): Promise<Measured> {
  const times: number[] = [];
  const indexes = new Set<string>();
  let last: Awaited<ReturnType<typeof explained>> | undefined;
  for (const actor of actors) {
    const vars = { ...world.runbook.document.settings, ...item, ...actor.variables };
    await inTheirName(client, actor, async () => {
      for (let run = 0; run < step.runs; run++) {
        last = await explained(client, world, query.file, vars);
        times.push(last.ms);
        for (const index of last.indexes) indexes.add(index);
      }
    });
  }
  const id = item.name === undefined ? query.id : `${query.id}.${item.name}`;
  let index: Measured['index'] = null;
  if (query.uses_index !== undefined) {
    const wanted = new RegExp(query.uses_index);
    if ([...indexes].some((each) => wanted.test(each))) index = 'used';
    else if (await tooSmall(client, last?.relations ?? [])) index = 'too small to tell';
    else index = before?.[`${id}.indexed`] === false ? 'none before either' : 'not used';
  }
  return {
    id,
    p50Ms: roundMs(percentile(times, 0.5)),
    p99Ms: roundMs(percentile(times, 0.99)),
    plan: last?.path ?? '',
    indexed: indexes.size > 0,
    index,
  };
}

/** What is slower than it may be. What was not measured before cannot be compared, and is an exception. */
function slower({ within }: Measure, measured: Measured[], before: Facts, exceptions: string[]): string[] {
  if (within === undefined) return [];
  return measured.flatMap(({ id, p50Ms }) => {
    const was = before[`${id}.p50Ms`];
    if (typeof was !== 'number') {
      exceptions.push(`${id}: there is no baseline to compare with`);
      return [];
    }
    const allowed = allowedMs(was, within);
    return p50Ms <= allowed ? [] : [`${id} took ${p50Ms} ms, was ${was} ms, may be ${roundMs(allowed)} ms`];
  });
}

function table(measured: Measured[], before: Facts | undefined): Evidence {
  return {
    kind: 'rows',
    title: 'How long queries take on the server',
    columns: ['query', 'median', 'p99', ...(before === undefined ? [] : ['median before']), 'index', 'plan'],
    rows: measured.map(({ id, p50Ms, p99Ms, index, plan }) => [
      id,
      `${p50Ms} ms`,
      `${p99Ms} ms`,
      ...(before === undefined ? [] : [was(before[`${id}.p50Ms`])]),
      index ?? '–',
      plan,
    ]),
    more: 0,
  };
}

const was = (value: unknown) => (typeof value === 'number' ? `${value} ms` : '–');
