import { escapeIdentifier, type PoolClient } from 'pg';
import { type Policy, readRowSecurity } from '../../postgres/policy.ts';
import { policiesFor, type Reach } from '../../postgres/reach.ts';
import { qualified, tableOf } from '../../postgres/tables.ts';
import type { Evidence } from '../../run/events.ts';
import type { Act } from '../../run/performer.ts';
import { called, itemsOf } from '../../runbook/plan.ts';
import type { Item } from '../../runbook/schema.ts';
import { render } from '../../runbook/sql-file.ts';
import type { StepOf } from '../../runbook/step-schema.ts';
import type { Gathered } from '../evidence.ts';
import { actorsOf } from '../isolation/actors.ts';
import { ExpectationFailed } from '../kind.ts';
import { rolledBack } from '../rolled-back.ts';
import { runFile } from '../run-file.ts';
import { itemVariables, type World } from '../world.ts';
import { type Compared, keepsAll, LOOKED_AT, type Lost, lostBy } from './access-lost.ts';
import { decided, mustRead } from './inventory.ts';
import { fileOf, judge, partOf } from './verdict.ts';

type Access = NonNullable<StepOf<'policies'>['access']>;
type Policies = StepOf<'policies'> & { access: Access };

/** What one person loses of one table. */
interface Loss extends Lost {
  table: string;
  person: string;
}

/** Losses that are named in the message; the table shows them all. */
const NAMED = 3;
const VERBS: Record<Reach, string> = { select: 'read', insert: 'add', update: 'change', delete: 'delete' };

/**
 * What a decision shows that is about access that ends: for a sample of real people, the rows of others that they reach
 * under the policies of now and would not under those of the step.
 * @throws ExpectationFailed when somebody would lose rows of their own, or anything who must lose nothing
 */
export async function showAccess(decision: StepOf<'decision'>, act: Act, world: World): Promise<Gathered> {
  const gathered: Gathered = { evidence: [], rows: 0 };
  for (const step of world.runbook.activities.flatMap((activity) => activity.steps)) {
    if (step.kind !== 'policies' || step.access?.ends !== decision.id) continue;
    const about = { ...step, access: step.access };
    const losses: Loss[] = [];
    const items = itemsOf(world.runbook, step.tables);
    for (const [done, item] of items.entries()) {
      act.pulse({ done, total: items.length, unit: 'tables', note: called(item, items) });
      losses.push(
        // At one moment: whoever leaves while they are looked at would seem to lose what is still theirs.
        ...(await rolledBack(world, decision, act, 'read write at one moment', (client) =>
          lost(client, about, act, world, item),
        )),
      );
    }
    const wrong = losses.filter(({ whose }) => whose !== 'of others');
    if (wrong.length > 0) throw tooMuch(wrong, step.id);
    const shown = lossesShown('Access to rows of others that ends', losses);
    gathered.evidence.push(shown);
    gathered.rows += losses.length;
  }
  return gathered;
}

function tooMuch(wrong: Loss[], step: string): ExpectationFailed {
  const said = wrong
    .slice(0, NAMED)
    .map(
      ({ table, person, reach, whose, rows }) =>
        `${person} could no longer ${VERBS[reach]} rows of ${table} (${whose}: ${rows})`,
    );
  const more = wrong.length > NAMED ? `; and ${wrong.length - NAMED} more` : '';
  return new ExpectationFailed(
    `The new policies would take away what they must not: ${said.join('; ')}${more}.`,
    [lossesShown('Access that must not end', wrong)],
    `Roll back, have a rule of ${step} keep the policies that gave it, and begin again.`,
  );
}

/** A row for each table and kind of access: how many people, and how much the one loses who loses most. */
function lossesShown(title: string, losses: Loss[]): Evidence {
  const groups = Map.groupBy(losses, ({ table, reach, whose }) => JSON.stringify([table, reach, whose]));
  const size = ({ rows }: Loss) => (typeof rows === 'number' ? rows : Number.POSITIVE_INFINITY);
  return {
    kind: 'rows',
    title: `${title}, among the first ${LOOKED_AT.toLocaleString('en')} that each sees`,
    columns: ['table', 'to', 'rows', 'people', 'most rows of one', 'who'],
    rows: [...groups.values()].flatMap((group) => {
      const [most] = group.toSorted((a, b) => size(b) - size(a));
      return most === undefined
        ? []
        : [[most.table, VERBS[most.reach], most.whose, String(group.length), String(most.rows), most.person]];
    }),
    more: 0,
  };
}

/** What people lose of one table. Nothing is locked for it: the new policies are read as conditions. */
async function lost(client: PoolClient, step: Policies, act: Act, world: World, item: Item): Promise<Loss[]> {
  const people = await actorsOf(client, world, step.access.actors, step.access.role, item);
  const before = await mustRead(client, item);
  const judged = decided(step, judge(step, act, world, item, before));
  const stay = judged.flatMap(({ policy, verdict, within }) => (verdict === 'keep' ? [policy] : (within ?? [])));
  const after = [...stay, ...(await newPolicies(client, fileOf(step, item), world, item))];
  const losses: Loss[] = [];
  const open = new Set<string>();
  // Whoever keeps all comes last, when it is known which policies are open to others as well.
  for (const person of people.toSorted((a, b) => Number(keepsAll(a)) - Number(keepsAll(b)))) {
    const vars = { ...itemVariables(world, item), ...person.variables };
    const compared: Compared = {
      table: tableOf(item),
      now: await policiesFor(client, person.role, before.policies),
      later: await policiesFor(client, person.role, after),
      own: render(step.access.theirs, vars),
      open,
    };
    const found = await lostBy(client, person, compared);
    losses.push(...found.map((each) => ({ ...each, table: partOf(item), person: person.label })));
  }
  return losses;
}

/**
 * The policies of a file as PostgreSQL reads them, made on an empty copy of the table that is gone with the transaction:
 * on the table itself they would hold up whoever reads it.
 */
async function newPolicies(client: PoolClient, file: string, world: World, item: Item): Promise<Policy[]> {
  const table = tableOf(item);
  await client.query(`create temporary table ${escapeIdentifier(table.name)} (like ${qualified(table)})`);
  await runFile(client, world, file, { ...itemVariables(world, item), schema: 'pg_temp' });
  const made = (await readRowSecurity(client, { ...table, schema: 'pg_temp' }))?.policies ?? [];
  if (made.length > 0) return made;
  throw new ExpectationFailed(
    `${file} makes no policy of ${partOf(item)}.`,
    [],
    'Name the table as :"schema".:"name".',
  );
}
