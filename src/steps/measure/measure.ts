import type { Facts } from '../../run/events.ts';
import type { Act } from '../../run/performer.ts';
import { factsOf } from '../../run/state.ts';
import { called, itemsOf } from '../../runbook/plan.ts';
import type { Item } from '../../runbook/schema.ts';
import type { StepOf } from '../../runbook/step-schema.ts';
import { ExpectationFailed, type Kind } from '../kind.ts';
import { actorsOf } from '../people/actors.ts';
import { rolledBack } from '../rolled-back.ts';
import type { World } from '../world.ts';
import { judged, type Measured, slower, table, told, troublesOf, uncompared } from './measured.ts';
import { timed } from './timing.ts';

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
    const chosen: Facts = {};
    const exceptions: string[] = [];
    for (const [done, item] of (items.length > 0 ? items : [{} as Item]).entries()) {
      const of = called(item, items);
      act.pulse({ done, total: Math.max(1, items.length), unit: 'tables', note: of });
      const { people, measured: first } = await look(step, act, world, item, before);
      let here = first;
      for (let looks = 1; looks < LOOKS && here.some((each) => slower(step, each, before)); looks++) {
        here = lower(here, (await look(step, act, world, item, before)).measured);
      }
      if (here.length === 0) exceptions.push(`${of || step.title}: nobody to measure as`);
      chosen[peopleOf(of)] = JSON.stringify(people);
      const gone = Object.keys(chosenBefore(before, of)).filter((label) => !(label in people));
      exceptions.push(
        ...gone.map((label) => `${of || step.title}: ${label} of the baseline is not to be found any more`),
      );
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
    const facts: Facts = {
      ...chosen,
      ...Object.fromEntries(
        measured
          .filter(({ failed }) => failed === undefined)
          .flatMap(({ id, p50Ms, indexed }) => [
            [`${id}.p50Ms`, p50Ms],
            [`${id}.indexed`, indexed],
          ]),
      ),
    };
    exceptions.push(...measured.flatMap((each) => uncompared(each, before)));
    const compared = before === undefined ? 'the baseline' : 'none slower than the baseline allows';
    return {
      finished: { summary: `${measured.length} queries, ${compared}`, facts, evidence: [evidence], exceptions },
    };
  },
};

/** A table once measured, and who it was measured as: their `self`, by what they are called. */
interface Looked {
  people: Record<string, string>;
  measured: Measured[];
}

/** Measures one table, once, as the people of the baseline where there is one. Measures nothing when there is nobody to measure as. */
function look(step: Measure, act: Act, world: World, item: Item, before: Facts | undefined): Promise<Looked> {
  const of = called(item, itemsOf(world.runbook, step.tables));
  return rolledBack(world, step, act, 'read write', async (client) => {
    const chosen = JSON.stringify(chosenBefore(before, of));
    const actors = await actorsOf(client, world, step.actors, step.role, { ...item, chosen });
    const people: Looked['people'] = {};
    for (const { label, variables } of actors) if (variables.self) people[label] = variables.self;
    const measured: Measured[] = [];
    for (const timing of await timed(client, world, step, item, actors))
      measured.push(await judged(client, world, of, timing, before));
    return { people, measured };
  });
}

/** The fact that says who a table was measured as. */
const peopleOf = (of: string) => (of === '' ? 'people' : `${of}.people`);

function chosenBefore(before: Facts | undefined, of: string): Looked['people'] {
  return JSON.parse(String(before?.[peopleOf(of)] ?? '{}'));
}

/** Of each query the better of two measurements. */
function lower(first: Measured[], second: Measured[]): Measured[] {
  return first.map((each) => {
    const other = second.find(({ id }) => id === each.id);
    return other !== undefined && other.p50Ms < each.p50Ms ? other : each;
  });
}
