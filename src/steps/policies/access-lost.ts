import type { PoolClient } from 'pg';
import type { Policy } from '../../postgres/policy.ts';
import { letAt, REACHES, type Reach, reached, saysFor, writtenBack } from '../../postgres/reach.ts';
import { qualified, type TableName } from '../../postgres/tables.ts';
import type { Actor } from '../people/actors.ts';
import { attempt } from '../people/attempt.ts';

/**
 * How many of a person's own rows are looked at, and how many of others: policies that ask a function of each row take a
 * minute for some millions, and what ends shows in the first ones.
 */
export const LOOKED_AT = 100_000;

/** How many rows stand for those that somebody could add: most of a table are alike in what policies ask of a new one. */
const LIKE_NEW_ONES = 1_000;

/**
 * `by role`: those of others, reached by policies that name the role (`through`, where the person's row has it) and through
 * which nobody in the sample reaches them who need not keep all.
 */
const WHOSE = ['own', 'by role', 'of others'] as const;

/** Rows that one person reaches now and will not any more. */
export interface Lost {
  reach: Reach;
  whose: (typeof WHOSE)[number];
  /** How many; or, when the new policies cannot be asked, what PostgreSQL says. */
  rows: number | string;
}

/** Whether it is somebody whose role lets them reach more, and who must lose nothing of that. */
export const keepsAll = ({ variables }: Actor): boolean => variables.keeps === 'all';

/** What one person reaches of one table, now and with the new policies. */
export interface Compared {
  table: TableName;
  now: Policy[];
  later: Policy[];
  /** SQL condition: the row is their own. */
  own: string;
  /** Names of policies through which people reach rows of others; those found are added. */
  open: Set<string>;
}

/** How somebody is looked through: as themselves; or, for what they could add, from above: rows that they need not see. */
type View = 'as themselves' | 'from above';

/**
 * What one person loses of one table: by one look through their eyes, or when that fails by one for each command. Rows of
 * others that they could add are told by those there are, which they need not see: with their claims, as whoever looks.
 */
export async function lostBy(client: PoolClient, person: Actor, compared: Compared): Promise<Lost[]> {
  const { rows } = await client.query<{ me: string }>('select current_user as me');
  const above = { ...person, role: rows[0]?.me ?? person.role };
  const all = await look(client, person, compared, REACHES, 'as themselves');
  const losses = all.lost ?? [];
  for (const reach of all.lost === undefined ? REACHES : []) {
    const looked = await look(client, person, compared, [reach], 'as themselves');
    losses.push(...(looked.lost ?? (await untold(client, person, compared, reach, looked.said))));
  }
  const added = await look(client, above, compared, ['insert'], 'from above');
  losses.push(...(added.lost ?? []));
  return losses.toSorted((a, b) => REACHES.indexOf(a.reach) - REACHES.indexOf(b.reach));
}

/** A loss as far as can be told, where the new policies cannot be asked: none, unless there is anything they reach now. */
async function untold(
  client: PoolClient,
  person: Actor,
  { table, now }: Compared,
  reach: Reach,
  said: string,
): Promise<Lost[]> {
  const sql = `select from ${qualified(table)} where ${reached(now, reach, inFull)} limit 1`;
  const looked = await attempt(client, person, async () => (await client.query(sql)).rowCount ?? 0);
  return looked.came === 'reached' && looked.rows > 0 ? [{ reach, whose: 'own', rows: said }] : [];
}

const inFull = (expression: string) => `(${expression}\n)`;

/** @returns what is lost; or, when the policies cannot be asked, what PostgreSQL says */
async function look(
  client: PoolClient,
  person: Actor,
  compared: Compared,
  reaches: readonly Reach[],
  view: View,
): Promise<{ lost: Lost[] } | { lost?: undefined; said: string }> {
  const { sql, lossesOf, opens } = question(compared, reaches, person, view);
  let counts: number[] = [];
  const looked = await attempt(client, person, async () => {
    const { rows } = await client.query<string[]>({ text: sql, rowMode: 'array' });
    counts = rows[0]?.map(Number) ?? [];
    return 1;
  });
  if (looked.came === 'refused') return { said: 'refused' };
  if (looked.came === 'clumsy') return { said: `cannot tell: ${looked.error.message}` };
  for (const [i, name] of opens.entries()) if ((counts[lossesOf.length + i] ?? 0) > 0) compared.open.add(name);
  return { lost: lossesOf.flatMap((loss, i) => (counts[i] ? [{ ...loss, rows: counts[i] }] : [])) };
}

/** A query of one row: how many rows are lost, for each of `lossesOf`, then how many of others each of the policies `opens` lets at. */
function question({ table, now, later, own, open }: Compared, reaches: readonly Reach[], person: Actor, view: View) {
  // Each expression is asked of a row once, whoever's policy it stands in: some ask a function that reads other tables.
  const asked = new Map<string, string>();
  const named = (expression: string) => {
    const name = asked.get(expression) ?? `says_${asked.size}`;
    asked.set(expression, name);
    return name;
  };
  const closed = keepsAll(person) ? now.filter((policy) => !open.has(policy.name) && names(policy, person)) : [];
  const lossesOf: Omit<Lost, 'rows'>[] = [];
  const conditions: string[] = [];
  for (const reach of reaches) {
    const ends = endsFor(reach, now, later, named);
    const byRole = `(${letAt(closed, reach, named)}) is true`;
    const which = [`${ends} and own`, `${ends} and not own and ${byRole}`, `${ends} and not own and not ${byRole}`];
    for (const [i, whose] of WHOSE.entries()) {
      if (reach === 'insert' && (whose === 'own') !== (view === 'as themselves')) continue;
      lossesOf.push({ reach, whose });
      conditions.push(which[i] ?? 'false');
    }
  }
  const opens: string[] = [];
  for (const { name, ...policy } of keepsAll(person) ? [] : now) {
    const says = policy.permissive ? reaches.flatMap((reach) => saysFor({ name, ...policy }, reach) ?? []) : [];
    if (says.length === 0) continue;
    opens.push(name);
    conditions.push(`not own and (${says.map(named).join(' or ')})`);
  }
  const says = [...asked].map(([expression, name]) => `, (${expression}\n) as ${name}`).join('');
  const limit = view === 'from above' ? LIKE_NEW_ONES : LOOKED_AT;
  // Where there is no row of others, an empty one stands for those that could be added: a policy may ask nothing of it.
  const others =
    view === 'from above'
      ? `(select) as "nothing of middlewatch" left join ${qualified(table)} on (${own}\n) is not true`
      : `${qualified(table)} where (${own}\n) is not true`;
  // Marked, for by its user it would be taken for a slow statement of the application.
  const sql = `
    select /* of middlewatch */ ${conditions.map((condition) => `count(*) filter (where ${condition})`).join(', ')}
    from ((select true as own${says} from ${qualified(table)} where (${own}\n) limit ${limit})
          union all
          (select false as own${says} from ${others} limit ${limit})) as looked_at`;
  return { sql, lossesOf, opens };
}

/** Whether a row is reached now and not later; to change it, also whether it can be left as it is. */
function endsFor(reach: Reach, now: Policy[], later: Policy[], named: (expression: string) => string): string {
  // Row-level security of now filters what is looked at: what can be read need not be asked for again.
  const can = reach === 'select' ? 'true' : reached(now, reach, named);
  const ends = `${can} and (${reached(later, reach, named)}) is not true`;
  if (reach !== 'update') return ends;
  return `(${ends} or ${can} and ${writtenBack(now, named)} and (${writtenBack(later, named)}) is not true)`;
}

/** Whether a policy says, in its name or its expressions, by which role it lets somebody in. */
function names({ name, using, check, roles }: Policy, { variables: { through = '' } }: Actor): boolean {
  return [name, using, check, ...roles].join(' ').toLowerCase().includes(through.toLowerCase());
}
