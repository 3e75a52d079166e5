import { escapeIdentifier, type PoolClient } from 'pg';
import { narrowed, type Policy, readRowSecurity } from '../../postgres/policy.ts';
import { policiesFor, type Reach } from '../../postgres/reach.ts';
import { qualified, tableOf } from '../../postgres/tables.ts';
import type { Evidence, Result } from '../../run/events.ts';
import type { Act } from '../../run/performer.ts';
import { called, itemsOf } from '../../runbook/plan.ts';
import type { Item } from '../../runbook/schema.ts';
import { render } from '../../runbook/sql-file.ts';
import type { Step, StepOf } from '../../runbook/step-schema.ts';
import type { Gathered } from '../evidence.ts';
import { ExpectationFailed } from '../kind.ts';
import { actorsOf } from '../people/actors.ts';
import { rolledBack } from '../rolled-back.ts';
import { runFile } from '../run-file.ts';
import { itemVariables, type World } from '../world.ts';
import { type Compared, keepsAll, LOOKED_AT, type Lost, lostBy } from './access-lost.ts';
import { decided, mustBeFree, mustRead } from './inventory.ts';
import { fileOf, type Judged, judge, madeFor, partOf } from './verdict.ts';

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
  for (const step of comparing(world)) {
    if (step.access.ends !== decision.id) continue;
    const losses = await lostByAll(decision, step, act, world, policiesToCome);
    const advice = `Roll back, have a rule of ${step.id} keep the policies that gave it, and begin again.`;
    const shown = onlyOfOthers(losses, advice);
    gathered.evidence.push(shown);
    gathered.rows += losses.length;
  }
  return gathered;
}

/**
 * The same before anything is changed, when the new policies cannot be made yet: they are taken to let everybody at their
 * own rows, for what they are for, and what is kept within something to be kept within those.
 * @param id of the step of kind policies
 * @throws ExpectationFailed as `showAccess` does
 */
export async function checkAccess(id: string, step: StepOf<'check'>, act: Act, world: World): Promise<Result> {
  const about = comparing(world).find((each) => each.id === id);
  if (about === undefined) throw new Error(`The runbook has no step ${id} that compares access.`);
  const losses = await lostByAll(step, about, act, world, policiesForeseen);
  const advice = `Have a rule of ${id} keep the policies that give it, and begin again; or take those away by hand, if it is meant, then retry.`;
  const shown = onlyOfOthers(losses, advice);
  return { summary: 'nobody will lose what they must keep', evidence: [shown] };
}

/** Steps that compare what people reach before and after. */
function comparing({ runbook }: World): Policies[] {
  return runbook.activities.flatMap(({ steps }) =>
    steps.flatMap((step) => (step.kind === 'policies' && step.access ? [{ ...step, access: step.access }] : [])),
  );
}

/** The policies of a table as they will be: those that stay, and the new ones. @returns what they are, by whose rows are whose */
type Later = (
  client: PoolClient,
  step: Policies,
  world: World,
  item: Item,
  stays: Judged[],
) => Promise<(own: string) => Policy[]>;

const policiesToCome: Later = async (client, step, world, item, stays) => {
  const made = await newPolicies(client, fileOf(step, item), world, item);
  return () => [...stays.map(({ policy, within }) => within ?? policy), ...made];
};

const policiesForeseen: Later = async (_, step, world, item, stays) => {
  const made = madeFor(step, world, item);
  mustBeFree(
    made.map(({ name }) => name),
    stays,
  );
  const ofOwn = { permissive: true, roles: [null], comment: null, operators: [] };
  return (own) => [
    ...stays.map(({ policy, within }) => (within === undefined ? policy : narrowed(policy, own))),
    ...made.map((each): Policy => ({ ...ofOwn, ...each, using: own, check: own })),
  ];
};

/** What the people of each table lose. */
async function lostByAll(step: Step, about: Policies, act: Act, world: World, later: Later): Promise<Loss[]> {
  const losses: Loss[] = [];
  const items = itemsOf(world.runbook, about.tables);
  for (const [done, item] of items.entries()) {
    act.pulse({ done, total: items.length, unit: 'tables', note: called(item, items) });
    losses.push(
      // At one moment: whoever leaves while they are looked at would seem to lose what is still theirs.
      ...(await rolledBack(world, step, act, 'read write at one moment', (client) =>
        lost(client, about, act, world, item, later),
      )),
    );
  }
  return losses;
}

/** @throws ExpectationFailed when somebody loses more than rows of others */
function onlyOfOthers(losses: Loss[], advice: string): Evidence {
  const wrong = losses.filter(({ whose }) => whose !== 'of others');
  if (wrong.length > 0) throw tooMuch(wrong, advice);
  return lossesShown('Access to rows of others that ends', losses);
}

function tooMuch(wrong: Loss[], advice: string): ExpectationFailed {
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
    advice,
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
async function lost(
  client: PoolClient,
  step: Policies,
  act: Act,
  world: World,
  item: Item,
  policiesLater: Later,
): Promise<Loss[]> {
  const people = await actorsOf(client, world, step.access.actors, step.access.role, item);
  const before = await mustRead(client, item);
  const judged = decided(step, judge(step, act, world, item, before));
  const stays = judged.filter(({ verdict, within }) => verdict === 'keep' || within !== undefined);
  const after = await policiesLater(client, step, world, item, stays);
  const losses: Loss[] = [];
  const open = new Set<string>();
  // Whoever keeps all comes last, when it is known which policies are open to others as well.
  for (const person of people.toSorted((a, b) => Number(keepsAll(a)) - Number(keepsAll(b)))) {
    const own = render(step.access.theirs, { ...itemVariables(world, item), ...person.variables });
    const compared: Compared = {
      table: tableOf(item),
      now: await policiesFor(client, person.role, before.policies),
      later: await policiesFor(client, person.role, after(own)),
      own,
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
