import type { Facts } from '../run/events.ts';
import type { Act } from '../run/performer.ts';
import { factsOf } from '../run/state.ts';
import { called, itemsOf } from '../runbook/plan.ts';
import type { Item } from '../runbook/schema.ts';
import type { StepOf } from '../runbook/step-schema.ts';
import { actorsOf } from './actors.ts';
import { ExpectationFailed, type Kind } from './kind.ts';
import { judged, type Measured, slower, table, told, troublesOf, uncompared } from './measured.ts';
import { rolledBack } from './rolled-back.ts';
import { timed } from './timing.ts';
import type { World } from './world.ts';

type Measure = StepOf<'measure'>;

/** How often a table is measured before a query counts as slower: what else the machine does can only add to a time. */
const LOOKS = 3;

/**
 * Times reads and writes as real users would wait for them, under row-level security and taken back, and looks at the plan
 * for the index they are meant to use. Without `against` it is the baseline; with it the medians are compared.
 */
export const measure: Kind<'measure'> = {
  async perform(step, act, world) {
    const items = itemsOf(world.runbook, step.tables);
    const before = step.against === undefined ? undefined : factsOf(act.state(), step.against);
    const measured: Measured[] = [];
    const exceptions: string[] = [];
    for (const [done, item] of (items.length > 0 ? items : [{} as Item]).entries()) {
      const of = called(item, items);
      act.pulse({ done, total: Math.max(1, items.length), unit: 'tables', note: of });
      let here = await look(step, act, world, item, before);
      for (let looks = 1; looks < LOOKS && here.some((each) => slower(step, each, before)); looks++) {
        here = lower(here, await look(step, act, world, item, before));
      }
      if (here.length === 0) exceptions.push(`${of || step.title}: nobody to measure as`);
      measured.push(...here);
    }
    const wrong = measured.flatMap((each) => {
      const troubles = troublesOf(step, each, before);
      return troubles.length > 0 ? [{ each, troubles }] : [];
    });
    const evidence = table(measured, before);
    if (wrong.length > 0) {
      throw new ExpectationFailed(
        `Not as it should be: ${wrong.map(({ each, troubles }) => `${each.id} ${troubles.join(', ')}`).join('; ')}.`,
        [evidence, ...wrong.map(({ each, troubles }) => told(each, troubles))],
        'Look whether the indexes are there and the tables analysed, then retry; or accept it with a reason.',
      );
    }
    const facts: Facts = Object.fromEntries(
      measured
        .filter(({ failed }) => failed === undefined)
        .flatMap(({ id, p50Ms, indexed }) => [
          [`${id}.p50Ms`, p50Ms],
          [`${id}.indexed`, indexed],
        ]),
    );
    exceptions.push(...measured.flatMap((each) => uncompared(each, before)));
    const compared = before === undefined ? 'the baseline' : 'none slower than the baseline allows';
    return {
      finished: { summary: `${measured.length} queries, ${compared}`, facts, evidence: [evidence], exceptions },
    };
  },
};

/** Measures one table, once. @returns nothing when there is nobody to measure as */
function look(step: Measure, act: Act, world: World, item: Item, before: Facts | undefined): Promise<Measured[]> {
  return rolledBack(world, step, act, 'read write', async (client) => {
    const actors = await actorsOf(client, world, step.actors, step.role, item);
    if (actors.length === 0) return [];
    const items = itemsOf(world.runbook, step.tables);
    const timings = await timed(client, world, step, item, actors);
    const found: Measured[] = [];
    for (const [query, timing] of timings)
      found.push(await judged(client, world, query, called(item, items), timing, before));
    return found;
  });
}

/** Of each query the better of two measurements. */
function lower(first: Measured[], second: Measured[]): Measured[] {
  return first.map((each) => {
    const other = second.find(({ id }) => id === each.id);
    return other !== undefined && other.p50Ms < each.p50Ms ? other : each;
  });
}
