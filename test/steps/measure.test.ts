import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Facts } from '../../src/run/events.ts';
import { measure } from '../../src/steps/measure/measure.ts';
import { asked } from '../../src/steps/measure/missing-index.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { actOf, stateOf, stepOf, worldOf } from './acting.ts';

const READER = `reader_${randomBytes(4).toString('hex')}`;

let db: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  db = await freshDatabase();
  pool = db.pool();
  await pool.query(`
    create role ${READER};
    create table big (owner int, team int, filler text);
    insert into big select n % 1000, n % 1000, repeat('x', 40) from generate_series(1, 20000) as n;
    create index big_owner on big (owner);
    create index big_team on big (team);
    create table small (owner int, team int);
    insert into small select n, n from generate_series(1, 10) as n;
    create index small_owner on small (owner);
    create table "Bare" ("Owner" int, team int, filler text);
    insert into "Bare" select n % 1000, n % 1000, repeat('x', 40) from generate_series(1, 20000) as n;
    create index bare_team on "Bare" (team);
    grant select on big, small, "Bare" to ${READER};
    grant insert, update, delete on small to ${READER};
    alter table big enable row level security;
    alter table small enable row level security;
    alter table "Bare" enable row level security;
    create policy own on "Bare" using ("Owner" = current_setting('request.jwt.claims')::int or team = (select 7));
    create policy own on big using (owner = current_setting('request.jwt.claims')::int);
    create policy own on small using (owner = current_setting('request.jwt.claims')::int);
    analyze`);
});
afterAll(async () => {
  await db.superuser.query(`drop owned by ${READER}; drop role ${READER}`);
  await db.drop();
});

const files = {
  'actors.sql': `select 'seven' as actor, '7' as claims`,
  'mine.sql': `select count(*) from :"name"`,
};
const lists = { tables: [{ name: 'big' }, { name: 'small' }] };
const world = () => worldOf({ pool, files, parts: { lists } });
const step = (fields: object = {}) =>
  stepOf('measure', {
    tables: 'tables',
    role: READER,
    actors: 'actors.sql',
    queries: [{ id: 'mine', file: 'mine.sql', uses_index: '_owner$|_team$' }],
    runs: 3,
    ...fields,
  });
const against = (facts: Facts) =>
  actOf({ state: stateOf({ before: { status: 'done', result: { summary: '', facts } } }) });

it('measures as the user, through the policies, and says when a table is too small for its index', async () => {
  await expect(measure.perform(step(), actOf(), world())).resolves.toMatchObject({
    finished: {
      facts: { 'mine.big.seven.p50Ms': expect.any(Number), 'mine.big.seven.indexed': true },
      evidence: [
        {
          rows: [
            ['mine.big', expect.anything(), 'used', expect.stringContaining('big_owner')],
            ['mine.small', expect.anything(), 'could be used', expect.stringContaining('Seq Scan')],
          ],
        },
      ],
    },
  });
});

it('is not content with a policy that no index can serve, unless it was so before', async () => {
  // F2: the subquery may see through security barriers only as a filter, row by row.
  await pool.query(`
    create policy team on big using (team in (select s.team from small as s where s.owner = owner + 0 * length(filler)))`);
  await expect(measure.perform(step(), against({ 'mine.big.seven.indexed': true }), world())).rejects.toThrow(
    /mine\.big\.seven does not use the index it should \(.*Seq Scan/,
  );
  await expect(
    measure.perform(step({ against: 'before' }), against({ 'mine.big.seven.indexed': false }), world()),
  ).resolves.toHaveProperty('finished');
  await pool.query('drop policy team on big');
  // The index has every column that is asked for, and is read from end to end.
  await pool.query('create policy negative on big using (owner + 0 < 0)');
  await expect(measure.perform(step(), against({}), world())).rejects.toThrow(
    /mine\.big\.seven does not use the index it should/,
  );
  await pool.query('drop policy negative on big');
});

it('compares medians with the baseline, and names what has none', async () => {
  const compared = (or_ms: number) => step({ against: 'before', within: { times: 2, or_ms } });
  const facts = { 'mine.big.seven.p50Ms': 1e-6 };
  await expect(measure.perform(compared(0), against(facts), world())).rejects.toThrow(/mine\.big\.seven took/);
  await expect(measure.perform(compared(60_000), against(facts), world())).resolves.toMatchObject({
    finished: { exceptions: ['mine.small.seven: there is no baseline to compare with'] },
  });
});

it('measures as the people of the baseline again, each against their own time, and says who is missing', async () => {
  const choosing = `select * from (values ('heavy', '1', 1), ('light', '2', 2)) as p (actor, claims, self)
    where :'chosen'::jsonb = '{}' or :'chosen'::jsonb ->> actor = self::text`;
  const there = worldOf({
    pool,
    files: { ...files, 'actors.sql': choosing },
    parts: { lists: { tables: [{ name: 'big' }] } },
  });
  const baseline = await measure.perform(step(), actOf(), there);
  expect(baseline).toMatchObject({
    finished: {
      facts: { 'big.people': '{"heavy":"1","light":"2"}', 'mine.big.light.indexed': true },
      evidence: [{ columns: ['query', 'heavy', 'light', 'index', 'plan'] }],
    },
  });
  const facts = {
    'big.people': '{"heavy":"1","light":"3"}',
    'mine.big.heavy.p50Ms': 1e-6,
    'mine.big.light.p50Ms': 60_000,
  };
  const after = (or_ms: number) =>
    measure.perform(step({ against: 'before', within: { times: 2, or_ms } }), against(facts), there);
  await expect(after(0)).rejects.toThrow(/^[^;]*mine\.big\.heavy took[^;]*$/);
  await expect(after(60_000)).resolves.toMatchObject({
    finished: { exceptions: ['big: light of the baseline is not to be found any more'] },
  });
});

it('names the index for want of which a whole table is read, unless it is the baseline', async () => {
  const bare = { lists: { tables: [{ name: 'Bare' }] } };
  const looking = (fields: object = {}) =>
    measure.perform(
      step({ queries: [{ id: 'mine', file: 'mine.sql' }], ...fields }),
      against({ 'mine.Bare.seven.p50Ms': 60_000 }),
      worldOf({ pool, files, parts: bare }),
    );
  await expect(looking()).resolves.toHaveProperty('finished');
  await expect(looking({ against: 'before', within: { times: 2 } })).rejects.toMatchObject({
    message: expect.stringMatching(/mine\.Bare\.seven reads a whole table for want of an index/),
    evidence: [
      expect.anything(),
      {
        title: 'mine.Bare.seven',
        text: expect.stringContaining('create index concurrently on public."Bare" ("Owner");'),
      },
    ],
  });
  await pool.query('create index bare_owner on "Bare" ("Owner")');
  await expect(looking({ against: 'before', within: { times: 2 } })).resolves.toHaveProperty('finished');
});

it('measures writes too, takes them back, and finds out when one has stopped working', async () => {
  const writes = {
    'actors.sql': files['actors.sql'],
    'add.sql': `insert into :"name" values (7, 7)`,
    'change.sql': `update :"name" set team = team where owner = 7`,
    'remove.sql': `delete from :"name" where owner = 7`,
    'impossible.sql': `insert into :"name" values (8, 8)`,
  };
  const queries = ['add', 'change', 'remove', 'impossible'].map((id) => ({ id, file: `${id}.sql` }));
  const there = worldOf({ pool, files: writes, parts: { lists: { tables: [{ name: 'small' }] } } });
  const rows = async () => (await pool.query('select owner, team, xmin from small order by owner')).rows;
  const was = await rows();
  const performed = await measure.perform(step({ queries }), actOf(), there);
  expect(performed).toMatchObject({
    finished: {
      facts: {
        'add.small.seven.p50Ms': expect.any(Number),
        'change.small.seven.p50Ms': expect.any(Number),
        'remove.small.seven.p50Ms': expect.any(Number),
      },
      exceptions: [expect.stringMatching(/^impossible\.small\.seven: could not be measured: .*row-level security/)],
    },
  });
  expect(await rows()).toEqual(was);
  const compared = step({ queries, against: 'before', within: { times: 2, or_ms: 60_000 } });
  await expect(measure.perform(compared, against({ 'impossible.small.seven.p50Ms': 1 }), there)).rejects.toThrow(
    /impossible\.small\.seven worked before and now fails/,
  );
});

it.each([
  ['(t.a = $0)', ['t.a']],
  ['((t.a = (InitPlan 1).col1) OR (t.b = (InitPlan 2).col1))', ['t.a', 't.b']],
  ["((t.c ~~ '%) OR (t.a = 1'::text) AND ((t.a = 1) OR (t.b = 2)))", ['t.a', 't.b']],
  ['(has_role(t.a) OR (t.a = 1))', undefined],
  ['(t.a > 1)', undefined],
])('indexes on which columns could answer %s', (condition, columns) => {
  const found = asked(condition, [{ shown: 't.a' }, { shown: 't.b' }, { shown: 't.c' }]);
  expect(found?.map(({ shown }) => shown)).toEqual(columns);
});
