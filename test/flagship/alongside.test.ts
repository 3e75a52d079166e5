import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inventory } from '../../src/postgres/catalog.ts';
import { undoable } from '../../src/run/undo.ts';
import { itemsOf } from '../../src/runbook/plan.ts';
import type { Step } from '../../src/runbook/step-schema.ts';
import { legacyDatabase, type TestDatabase } from '../support/database.ts';
import { type Flagship, openFlagship, tried, value } from './flagship.ts';
import { repeatDeeds, startOldClients } from './old-clients.ts';

/*
 * Old clients through every moment of the window: they are at work beside each step, between the steps, and beside each
 * undo. Each step that can be undone is undone once and done again, before the next; then all of it is taken back. What
 * the clients were told, and what they leave, is what it is in a database in which nothing else happens.
 */

const SEED = Number(process.env.SEED ?? 1);
const ROWS = 2_000;
const CHOICES = { 'unexpected-policies': 'drop', orphans: 'quarantine' };

/** Steps about the machine, about a broken-off attempt, and those that judge a time; the rest is the database's. */
const NOT_HERE = new Set([
  'server',
  'room',
  'at-work',
  'clear-table',
  'clear-tenants',
  'not-ready',
  'measure-after',
  'tenant-index',
]);
const OF_THE_DATABASE = new Set(['sql', 'backfill', 'index', 'policies', 'isolation', 'measure', 'decision', 'check']);
const here = (step: Step) =>
  OF_THE_DATABASE.has(step.kind) &&
  !NOT_HERE.has(step.id.split('.')[0] ?? '') &&
  !(step.kind === 'check' && step.command !== undefined);

let migrated: TestDatabase;
let shadow: TestDatabase;
let client: pg.Client;
let flagship: Flagship;
beforeAll(async () => {
  [migrated, shadow] = await Promise.all([legacyDatabase({ rows: ROWS }), legacyDatabase({ rows: ROWS })]);
  client = await migrated.client();
  flagship = await openFlagship(migrated.env, CHOICES);
});
afterAll(async () => {
  await flagship?.close();
  await Promise.all([migrated?.drop(), shadow?.drop()]);
});

test('old clients notice nothing of the migration, nor of its way back', { timeout: 240_000 }, async () => {
  const began = await value(client, 'select now()');
  const users = (await client.query<{ id: string }>('select id from profiles order by id')).rows.map(({ id }) => id);
  await using clients = await startOldClients(migrated.name, users, SEED);
  const catalog = () => tried(client, () => inventory(client as pg.PoolClient, ['public', 'private', 'auth']));
  /** Does something while the clients are at it. */
  const beside = async (what: string, work: () => Promise<unknown>) => {
    await clients.inTheMiddle();
    await work().catch((cause: unknown) => {
      throw new Error(`${what} fails beside the clients of seed ${SEED}`, { cause });
    });
  };
  const before = await catalog();
  const steps = flagship.runbook.activities.filter(({ phase }) => phase !== 'rollback').flatMap((each) => each.steps);
  for (const step of steps.filter(here)) {
    const was = undoable(step) ? await catalog() : [];
    await beside(step.id, () => flagship.perform(step.id));
    if (!undoable(step)) continue;
    await beside(`undoing ${step.id}`, () => flagship.undo(1));
    expect(await catalog(), `the undo of ${step.id}`).toEqual(was);
    await beside(step.id, () => flagship.perform(step.id));
  }
  // Whatever the clients have written since: every row is where it belongs, in each snapshot.
  const ended = clients.ended;
  await expect.poll(() => clients.ended, { timeout: 60_000 }).toBeGreaterThan(ended + 100);
  await flagship.perform('users-complete', 'tenants-match-users', 'rows-complete');

  while (await flagship.undo(1)) await clients.inTheMiddle();
  await flagship.perform('catalog-as-before', 'rows-as-before');
  expect(await catalog()).toEqual(before);

  const done = await clients.stop();
  const otherwise = (await repeatDeeds(shadow.name, done)).flatMap((there, i) =>
    there.flatMap((alone, n) =>
      isDeepStrictEqual(alone, done[i]?.[n]) ? [] : [{ alone, beside: done[i]?.[n]?.told }],
    ),
  );
  expect(otherwise).toEqual([]);
  const other = await shadow.client();
  for (const name of ['profiles', ...itemsOf(flagship.runbook, 'tables').map((item) => item.name ?? '')]) {
    expect(await legacyRows(client, name, began), name).toEqual(await legacyRows(other, name, began));
  }
});

/** Every row of a table; of moments since the clients began only that they are since, of numbers given out only the old ones. */
async function legacyRows(on: pg.Client, name: string, since: unknown): Promise<unknown[]> {
  const { rows } = await on.query(
    `select to_jsonb(t) || jsonb_build_object(
         'created_at', case when created_at < $1 then created_at::text else 'since' end,
         'updated_at', case when updated_at < $1 then updated_at::text else 'since' end)
       || case when to_jsonb(t) ? 'number' and (to_jsonb(t) ->> 'number')::int > $2 then '{"number": "new"}' else '{}'::jsonb end as row
     from public.${name} t order by id`,
    [since, ROWS],
  );
  return rows.map(({ row }) => row);
}
