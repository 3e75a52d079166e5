import { called, itemsOf } from '../../runbook/plan.ts';
import type { Item } from '../../runbook/schema.ts';
import { variablesOf } from '../../runbook/sql-file.ts';
import { ExpectationFailed, type Kind } from '../kind.ts';
import { rolledBack } from '../rolled-back.ts';
import { source } from '../world.ts';
import { attack, attackName } from './attack.ts';
import { judged } from './cells.ts';
import { hold } from './hold.ts';
import { BESIDES, type Findings, findings, several, type Trial } from './trial.ts';
import { type Attack, find, type Isolation, inPassing, prepare, type Setting, tryTable } from './try-table.ts';

/** For how long what others were in the way of is tried again with people found anew, where the step has no timeout, in ms. */
const PATIENCE = 60_000;

/**
 * Proves who can see and change what, by trying: every table, by every command, as real people, through the role and
 * claims the application uses, in short transactions that are rolled back (sequences may advance). Whatever somebody
 * reaches beyond what the runbook says is a leak and fails the step, and so does what they no longer reach; what could not
 * be proved fails it too, but may be accepted.
 */
export const isolation: Kind<'isolation'> = {
  async perform(step, act, world) {
    const setting = { step, act, world };
    const items = itemsOf(world.runbook, step.tables);
    const names = new Set(items.flatMap((item) => Object.keys(item)));
    const perTable = ({ file }: { file: string }) =>
      variablesOf(source(world, file).text).some(({ name }) => names.has(name));
    const attacks = Map.groupBy(step.attacks, perTable);

    const trials: Trial[] = [];
    let most: Item | undefined;
    let actors = 0;
    for (const [done, item] of items.entries()) {
      act.pulse({ done, total: items.length, unit: 'tables', note: called(item, items) });
      const found = await undisturbed(step, () => tryTable(setting, item, attacks.get(true) ?? []));
      trials.push(...found.trials);
      if (found.actors.size > actors) [most, actors] = [item, found.actors.size];
    }
    if (most !== undefined) {
      const of = most;
      trials.push(...(await undisturbed(step, () => besides(setting, of, attacks.get(false) ?? []))).trials);
    }
    act.pulse({ done: items.length, total: items.length, unit: 'tables' });

    const found = findings(trials, Object.keys(step.may));
    demandProof(found);
    const { facts, evidence } = found;
    return {
      finished: {
        summary: `${facts.cells} cells of ${items.length} tables and ${facts.attacks} attacks: everybody reaches what is theirs, and nothing else`,
        facts,
        evidence,
      },
    };
  },
};

/** @throws ExpectationFailed unless everything is proved; a leak is not for anybody to accept */
function demandProof({ leaks, lost, unproved, evidence }: Findings): void {
  const says = [
    ...(leaks.length > 0 ? [`Isolation does not hold: ${several(leaks)}.`] : []),
    ...(lost.length > 0 ? [`Out of reach for those it belongs to: ${several(lost)}.`] : []),
    ...(unproved.length > 0 ? [`Not proved: ${several(unproved)}.`] : []),
  ];
  if (says.length === 0) return;
  const advice =
    leaks.length + lost.length > 0
      ? 'Nobody should use the application like this. Roll back, or mend the policies and triggers and retry.'
      : 'Nothing leaked. Give the runbook a sample row for these tables (`samples`), or accept it with the reason.';
  throw new ExpectationFailed(says.join(' '), evidence, advice, { hard: leaks.length > 0 });
}

/**
 * Does work that looks for people and tries things with them, and does it again, with others, while what it could not prove
 * was only disturbed.
 */
async function undisturbed<T extends { trials: Trial[] }>({ timeout }: Isolation, work: () => Promise<T>): Promise<T> {
  const until = performance.now() + (timeout ?? PATIENCE);
  for (;;) {
    const found = await work();
    if (performance.now() > until || !found.trials.some(({ passing }) => passing)) return found;
  }
}

/** The attacks that are about no table of the list, as the people of one of them. */
async function besides(setting: Setting, item: Item, attacks: Attack[]): Promise<{ trials: Trial[] }> {
  const { step, act, world } = setting;
  const { actors } = await find(setting, item);
  const trials: Trial[] = [];
  for (const { file, by } of attacks) {
    for (const label of by) {
      const actor = actors.get(label);
      const as = { table: BESIDES, actor: label, tried: attackName(file) };
      if (actor === undefined) {
        trials.push({ ...as, came: 'unproved', said: `nobody was found to act as ${label}` });
        continue;
      }
      try {
        const attempt = await rolledBack(world, step, act, 'read write', async (client) => {
          const vars = { ...world.runbook.document.settings, ...actor.variables };
          await hold(client, world, step.hold, vars);
          await prepare(client, step, world, vars, actor);
          return attack(client, world, file, actor, vars);
        });
        trials.push({ ...as, ...judged(attempt, false) });
      } catch (error) {
        const said = inPassing(error);
        if (said === undefined) throw error;
        trials.push({ ...as, came: 'unproved', said, passing: true });
      }
    }
  }
  return { trials };
}
