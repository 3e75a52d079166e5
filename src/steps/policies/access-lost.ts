import type { PoolClient } from 'pg';
import type { Policy } from '../../postgres/policy.ts';
import { REACHES, type Reach, reached, saysFor, writtenBack } from '../../postgres/reach.ts';
import { qualified, type TableName } from '../../postgres/tables.ts';
import type { Actor } from '../isolation/actors.ts';
import { attempt } from '../isolation/attack.ts';

/**
 * How many of a person's own rows are looked at, and how many of others: policies that ask a function of each row take a
 * minute for some millions, and what ends shows in the first ones.
 */
export const LOOKED_AT = 100_000;

/** `by role`: those of others, reached by policies through which nobody in the sample reaches them who need not keep all. */
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

/** What one person loses of one table: by one look through their eyes, or when that fails by one for each command. */
export async function lostBy(client: PoolClient, person: Actor, compared: Compared): Promise<Lost[]> {
  const all = await look(client, person, compared, REACHES);
  if (all.lost !== undefined) return all.lost;
  const losses: Lost[] = [];
  for (const reach of REACHES) {
    const looked = await look(client, person, compared, [reach]);
    if (looked.lost !== undefined) losses.push(...looked.lost);
    else if (await reachesNow(client, person, compared, reach)) losses.push({ reach, whose: 'own', rows: looked.said });
  }
  return losses;
}

/** Whether there is anything that they reach now. */
async function reachesNow(client: PoolClient, person: Actor, { table, now }: Compared, reach: Reach): Promise<boolean> {
  const sql = `select from ${qualified(table)} where ${reached(now, reach, inFull)} limit 1`;
  const looked = await attempt(client, person, async () => (await client.query(sql)).rowCount ?? 0);
  return looked.came === 'reached' && looked.rows > 0;
}

const inFull = (expression: string) => `(${expression}\n)`;

/** @returns what is lost; or, when the policies cannot be asked, what PostgreSQL says */
async function look(
  client: PoolClient,
  person: Actor,
  { table, now, later, own, open }: Compared,
  reaches: readonly Reach[],
): Promise<{ lost: Lost[] } | { lost?: undefined; said: string }> {
  // Each expression is asked of a row once, whoever's policy it stands in: some ask a function that reads other tables.
  const asked = new Map<string, string>();
  const named = (expression: string) => {
    const name = asked.get(expression) ?? `says_${asked.size}`;
    asked.set(expression, name);
    return name;
  };
  const closed = keepsAll(person) ? now.filter(({ name }) => !open.has(name)) : [];
  const counts = reaches.flatMap((reach) => {
    // Row-level security of now filters what is looked at: what can be read need not be asked for again.
    const can = reach === 'select' ? 'true' : reached(now, reach, named);
    const could = reached(later, reach, named);
    const lost = `${can} and (${could}) is not true`;
    const ends =
      reach === 'update'
        ? `(${lost} or ${can} and ${writtenBack(now, named)} and (${writtenBack(later, named)}) is not true)`
        : lost;
    const byRole = `(${reached(closed, reach, named)}) is true`;
    return [`${ends} and own`, `${ends} and not own and ${byRole}`, `${ends} and not own and not ${byRole}`];
  });
  const perhapsOpen = (keepsAll(person) ? [] : now).flatMap(({ name, ...policy }) => {
    const says = policy.permissive ? reaches.flatMap((reach) => saysFor({ name, ...policy }, reach) ?? []) : [];
    return says.length === 0 ? [] : [{ name, lets: `not own and (${says.map(named).join(' or ')})` }];
  });
  const opens = perhapsOpen.map(({ lets }) => lets);
  const rowByRow = [...asked].map(([expression, name]) => `, (${expression}\n) as ${name}`).join('');
  const rows = (which: string, own: boolean) =>
    `(select ${own} as own${rowByRow} from ${qualified(table)} where ${which} limit ${LOOKED_AT})`;
  // Marked, for by its user it would be taken for a slow statement of the application.
  const sql = `
    select /* of middlewatch */ ${[...counts, ...opens].map((condition) => `count(*) filter (where ${condition})`).join(', ')}
    from (${rows(`(${own}\n)`, true)} union all ${rows(`(${own}\n) is not true`, false)}) as looked_at`;
  let numbers: number[] = [];
  const looked = await attempt(client, person, async () => {
    const { rows } = await client.query<string[]>({ text: sql, rowMode: 'array' });
    numbers = rows[0]?.map(Number) ?? [];
    return 1;
  });
  if (looked.came === 'refused') return { said: 'refused' };
  if (looked.came === 'clumsy') return { said: `cannot tell: ${looked.error.message}` };
  for (const [i, { name }] of perhapsOpen.entries()) if ((numbers[counts.length + i] ?? 0) > 0) open.add(name);
  return {
    lost: reaches.flatMap((reach, i) =>
      WHOSE.flatMap((whose, j) => {
        const rows = numbers[i * WHOSE.length + j] ?? 0;
        return rows === 0 ? [] : [{ reach, whose, rows }];
      }),
    ),
  };
}
