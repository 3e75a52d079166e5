import { afterAll, beforeAll, expect, it } from 'vitest';
import { RehearsedFailure } from '../../src/run/performer.ts';
import { decision } from '../../src/steps/decision.ts';
import { manual } from '../../src/steps/manual.ts';
import { notify } from '../../src/steps/notify.ts';
import { signoff } from '../../src/steps/signoff.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { actOf, stateOf, stepOf, worldOf } from './acting.ts';
import { failingAct, performing } from './performing.ts';

let db: TestDatabase;
let pool: ReturnType<TestDatabase['pool']>;

beforeAll(async () => {
  db = await freshDatabase();
  pool = db.pool();
  await pool.query(`
    create table "Order" (id int primary key, owner int);
    create table tags (id int primary key, owner int);
    insert into "Order" values (1, null), (2, 7);
    insert into tags select n, null from generate_series(1, 300) as n`);
});
afterAll(() => db.drop());

const lists = { tables: [{ name: 'Order' }, { name: 'tags' }, { name: 'empty', at: 'Order' }] };
const options = [{ choose: 'leave', says: 'They stay.', effect: 'proceed' }];

it('asks only when something was found, and shows it, each table’s rows under its name', async () => {
  const files = { 'orphans.sql': `-- Rows that nobody owns\nselect id from :"name" where owner is null order by id` };
  const world = worldOf({ pool, files, parts: { lists: { tables: lists.tables.slice(0, 2) } } });
  const step = stepOf('decision', {
    question: 'What of the orphans?',
    evidence: ['orphans.sql'],
    tables: 'tables',
    ask: 'if-rows',
    options,
  });
  const performed = await decision.perform(step, actOf(), world);
  expect(performed).toMatchObject({
    asks: { facts: { rows: 301 }, evidence: [{ title: 'Rows that nobody owns', columns: ['of', 'id'] }] },
  });
  const [evidence] = 'asks' in performed ? (performed.asks.evidence ?? []) : [];
  expect(evidence).toMatchObject({
    rows: expect.arrayContaining([
      ['Order', '1'],
      ['tags', '1'],
    ]),
  });
  expect(evidence?.kind === 'rows' && evidence.rows.length + evidence.more).toBe(301);
});

it('has nothing to decide when nothing was found, unless it always asks', async () => {
  const files = { 'none.sql': 'select 1 where false' };
  const world = worldOf({ pool, files });
  const step = (ask: string) => stepOf('decision', { question: 'And now?', evidence: ['none.sql'], ask, options });
  await expect(decision.perform(step('if-rows'), actOf(), world)).resolves.toHaveProperty('finished');
  await expect(decision.perform(step('always'), actOf(), world)).resolves.toHaveProperty('asks');
});

it('lets evidence change nothing', async () => {
  const files = { 'write.sql': 'delete from tags returning id' };
  const step = stepOf('manual', { items: ['Look'], evidence: ['write.sql'] });
  await expect(manual.perform(step, actOf(), worldOf({ pool, files }))).rejects.toThrow('read-only');
});

it('gives a sign-off an account of what was not as planned, and proposes the answer', async () => {
  const parts = {
    timeline: [
      {
        id: 'work',
        title: 'Work',
        at: '02:00',
        owner: 'ops',
        steps: [
          { id: 'verify', kind: 'check', title: 'Verify rows', rows: 'compare' },
          { id: 'word', kind: 'signoff', title: 'Word', role: 'ops', statement: 'It is fine', proposal: 'validation' },
        ],
      },
    ],
  };
  const world = worldOf({ parts });
  const step = stepOf('signoff', { id: 'word', role: 'ops', statement: 'It is fine', proposal: 'validation' });
  const state = stateOf({ verify: { status: 'accepted', reason: 'known orphans' } });
  const performed = await signoff.perform(step, actOf({ state }), world);
  expect(performed).toMatchObject({ asks: { facts: { proposal: 'fail' } } });
  expect(JSON.stringify(performed)).toContain('known orphans');
});

it('only owes messages', async () => {
  const step = stepOf('notify', { messages: ['success'] });
  await expect(notify.perform(step, actOf(), worldOf())).resolves.toMatchObject({ finished: { owes: ['success'] } });
});

it('fails in a rehearsal that wants it to, once, whatever kind of step it is', async () => {
  await using performer = await performing(db.env);
  const act = failingAct();
  const step = stepOf('notify', { messages: ['success'] });
  await expect(performer.perform(step, act)).rejects.toThrow(RehearsedFailure);
  await expect(performer.perform(step, act)).resolves.toHaveProperty('finished');
});
