import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openPool } from '../../src/postgres/connect.ts';
import { factsOf } from '../../src/run/state.ts';
import { monitor } from '../../src/steps/monitor.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { actOf, stateOf, stepOf, worldOf } from './acting.ts';
import { application } from './application.ts';

let db: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  db = await freshDatabase();
  pool = await openPool(db.env, { application: 'test', max: 4 });
});
afterAll(async () => {
  await pool.end();
  await db.drop();
});

const files = {
  'five.sql': 'select 5',
  'slow.sql': `select 2, statement from (values ('select a'), ('select b')) as slow (statement)`,
  'blind.sql': `select 'cannot tell: pg_stat_statements is not readable'`,
  'broken.sql': 'select pg_terminate_backend(pg_backend_pid())',
  'wrong.sql': 'select no_such_column',
};
const over = (...samples: object[]) => stepOf('monitor', { for: '35m', every: '5m', samples });
const seen = (act: ReturnType<typeof actOf>) => act.state().steps.it?.samples ?? [];

it('samples at its moments of the plan clock, and is content within its limits', async () => {
  const act = actOf();
  const began = act.now;
  const performed = await monitor.perform(
    over({ id: 'five', sql: 'five.sql', at_most: 5 }),
    act,
    worldOf({ pool, files }),
  );
  expect(seen(act).map(({ at, values }) => [at - began, values.five])).toEqual(
    Array.from({ length: 8 }, (_, i) => [i * 300_000, 5]),
  );
  expect(performed).toMatchObject({ finished: { facts: { five: 5 }, exceptions: [] } });
});

it('carries on after a crash with what the journal has, old breaches included', async () => {
  const act = actOf();
  const at = (minutes: number) => act.now + minutes * 60_000;
  const samples = [
    { at: at(0), values: { five: 5 } },
    { at: at(5), values: { five: 99 } },
  ];
  const resumed = actOf({ state: stateOf({ it: { status: 'running', samples } }) });
  resumed.now = at(7);
  const step = over({ id: 'five', sql: 'five.sql', at_most: 10 });
  const failure = await monitor.perform(step, resumed, worldOf({ pool, files })).catch((error) => error);
  expect(seen(resumed)).toHaveLength(8);
  expect(seen(resumed)[2]?.at).toBe(at(10));
  expect(failure.message).toContain('five 1 time, 99 at worst, at most 10');
});

it('shows what a query says beside the number that is over its limit', async () => {
  const act = actOf();
  const step = over({ id: 'slow', sql: 'slow.sql', at_most: 0 }, { id: 'fine', sql: 'slow.sql', at_most: 2 });
  const failure = await monitor.perform(step, act, worldOf({ pool, files })).catch((error) => error);
  expect(failure.evidence.slice(1)).toEqual([
    expect.objectContaining({
      title: 'slow, when it was last over its limit',
      rows: [
        ['2', 'select a'],
        ['2', 'select b'],
      ],
    }),
  ]);
});

it('takes a number that cannot be told for an exception, not for zero', async () => {
  const step = over({ id: 'slow', sql: 'blind.sql', at_most: 0 });
  await expect(monitor.perform(step, actOf(), worldOf({ pool, files }))).resolves.toMatchObject({
    finished: { exceptions: ['slow: cannot tell'] },
  });
});

it('takes a lost connection for a breach and goes on; a query that can never work ends it', async () => {
  const act = actOf();
  const lost = over({ id: 'lost', sql: 'broken.sql', at_most: 1 }, { id: 'five', sql: 'five.sql' });
  await expect(monitor.perform(lost, act, worldOf({ pool, files }))).rejects.toThrow('lost failed 8 times');
  expect(seen(act).every(({ values }) => values.five === 5)).toBe(true);
  await expect(
    monitor.perform(over({ id: 'wrong', sql: 'wrong.sql' }), actOf(), worldOf({ pool, files })),
  ).rejects.toThrow('no_such_column');
});

it('holds a request against the baseline, and counts a bad answer as a breach', async () => {
  let asked = 0;
  await using app = await application(() => ({ status: ++asked === 3 ? 500 : 200 }));
  const before = { before: { status: 'done', result: { summary: '', facts: { 'home.p50Ms': 1e-6 } } } } as const;
  const step = (or_ms: number) =>
    over({ id: 'api', request: { id: 'home', url: app.url }, times: 2, or_ms, against: 'before' });
  const patient = actOf({ state: stateOf(before) });
  expect(factsOf(patient.state(), 'before')).toHaveProperty(['home.p50Ms']);
  await expect(monitor.perform(step(60_000), patient, worldOf())).rejects.toThrow('api failed 1 time');
  await expect(monitor.perform(step(60_000), actOf({ state: stateOf(before) }), worldOf())).resolves.toHaveProperty(
    'finished',
  );
  await expect(monitor.perform(step(0), actOf({ state: stateOf(before) }), worldOf())).rejects.toThrow(/api 8 times/);
  await expect(monitor.perform(step(0), actOf(), worldOf())).rejects.toThrow('no answer time');
});

it('signs in with the first request of a round; when that fails, what needs it fails too, and the rest is looked at', async () => {
  let logins = 0;
  await using app = await application(({ url, headers }) => {
    if (url === '/login') return ++logins === 2 ? { status: 500 } : { body: { token: `t${logins}` } };
    return { status: headers.authorization === `Bearer t${logins}` ? 200 : 403 };
  });
  const act = actOf();
  const step = over(
    { id: 'login', request: { id: 'login', url: `${app.url}/login`, capture: { token: 'token' } } },
    { id: 'clients', request: { id: 'clients', url: app.url, headers: { authorization: 'Bearer {{token}}' } } },
    { id: 'five', sql: 'five.sql' },
  );
  await expect(monitor.perform(step, act, worldOf({ pool, files }))).rejects.toThrow(
    'login failed 1 time; clients failed 1 time',
  );
  expect(seen(act)[1]?.values).toEqual({ 'login.broken': 1, 'clients.broken': 1, five: 5 });
});
