import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { check } from '../../src/steps/check/check.ts';
import { decision } from '../../src/steps/decision.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { actOf, stepOf, worldOf } from './acting.ts';

// The role belongs to the server, which other tests use as well.
const MEMBER = `member_${randomBytes(4).toString('hex')}`;
const ITEM = { name: 'Note', schema: 'public', owner: 'Owner' };
const OWN = `create policy "new read" on :"schema".:"name" for select using (:"owner" = public.me() or team = 1);
  create policy "new change" on :"schema".:"name" for update using (:"owner" = public.me());
  create policy "new rows" on :"schema".:"name" for insert with check (:"owner" = public.me());
  create policy "new delete" on :"schema".:"name" for delete using (:"owner" = public.me());`;
const REPLACE = { verdict: 'replace', expression: ['({{item.owner}} = public.me())'] };
const STAFF = { verdict: 'keep', expression: ['public.is_staff()'] };
const REST = { verdict: 'drop', name: '*' };

let db: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  db = await freshDatabase();
  pool = db.pool();
  // One and two have two notes each, one of two's is of one's team; nine is staff and has none.
  await pool.query(`
    create role ${MEMBER};
    create function public.me() returns int language sql stable
      as $$ select (current_setting('request.jwt.claims')::jsonb ->> 'sub')::int $$;
    create function public.is_staff() returns bool language sql stable as $$ select public.me() = 9 $$;
    create function public.secret() returns bool language sql stable as 'select true';
    revoke all on function public.secret() from public;
    create table "Note" ("Owner" int, team int, draft bool default false);
    create function public.of_team_two("Note") returns bool language sql stable as 'select $1.team = 2';
    create table share (team int, person int);
    insert into share values (2, 1);
    grant select on share to ${MEMBER};
    insert into "Note" values (1, 1), (1, 1), (2, 1), (2, 2);
    grant all on "Note" to ${MEMBER};
    alter table "Note" enable row level security;
    create policy "Bob's own" on "Note" to ${MEMBER} using ("Owner" = me());
    create policy staff on "Note" using (is_staff());
    create policy finished on "Note" as restrictive for update using (not draft);`);
});
afterAll(async () => {
  await db.superuser.query(`drop owned by ${MEMBER}; drop role ${MEMBER}`);
  await db.drop();
});

const PEOPLE = `select 'user ' || n as actor, json_build_object('sub', n)::text as claims, n as self,
  case n when 9 then 'all' else 'own' end as keeps, 'staff' as through from unnest(array[9, 1, 2]) as n`;

function world(verdicts: object[], own: string) {
  const step = {
    kind: 'policies',
    id: 'replace',
    title: 'Replace',
    tables: 'tables',
    file: 'own.sql',
    verdicts,
    within: 'team = 1',
    access: { ends: 'ends', actors: 'people.sql', theirs: `:"owner" = :'self'::int`, role: MEMBER },
  };
  return worldOf({
    pool,
    files: { 'own.sql': own, 'people.sql': PEOPLE },
    parts: {
      lists: { tables: [ITEM] },
      timeline: [{ id: 'all', title: 'All', at: '02:00', owner: 'ops', steps: [step] }],
    },
  });
}

function perform(verdicts: object[], own: string) {
  const ends = stepOf('decision', {
    id: 'ends',
    question: 'Is that meant?',
    ask: 'if-rows',
    options: [{ choose: 'accept', says: 'Yes.', effect: 'proceed' }],
  });
  return decision.perform(ends, actOf(), world(verdicts, own));
}

/** What is told of it before the new policies are possible. */
function foreseen(verdicts: object[], own = OWN) {
  return check.perform(stepOf('check', { id: 'kept', access: 'replace' }), actOf(), world(verdicts, own));
}

/** What ends, when it is decided so. */
async function ends(verdicts: object[], own = OWN): Promise<unknown> {
  const performed = await perform(verdicts, own);
  const [shown] = ('asks' in performed ? performed.asks : performed.finished).evidence ?? [];
  return shown?.kind === 'rows' ? shown.rows : undefined;
}

async function policies(): Promise<unknown[]> {
  return (await pool.query('select * from pg_policies order by policyname')).rows;
}

/** One more policy, for one test. */
async function withPolicy<T>(sql: string, work: () => Promise<T>): Promise<T> {
  await pool.query(`create policy demo on "Note" ${sql}`);
  return work().finally(() => pool.query('drop policy demo on "Note"'));
}

it('asks nobody when nothing ends, and neither waits for readers nor changes anything', async () => {
  const before = await policies();
  const reader = await db.client();
  await reader.query('begin; select from "Note"');
  const found = await ends([REPLACE, STAFF]).finally(() => reader.query('rollback'));
  expect(found).toEqual([]);
  expect(await policies()).toEqual(before);
});

it('counts the reads of others that end with a policy open to all; staff keeps what only staff has', async () => {
  const open = `for select to ${MEMBER} using (true)`;
  expect(await withPolicy(open, () => ends([REPLACE, STAFF, REST]))).toEqual([
    // One sees the note of the team still, two the two notes.
    ['public.Note', 'read', 'of others', '1', '1', 'user 1'],
  ]);
});

it('staff may not lose what its role lets it change, whatever lets it see that', async () => {
  await pool.query(`drop policy staff on "Note"; create policy seen on "Note" for select using (me() = 9);
    create policy "staff changes" on "Note" for update using (is_staff())`);
  const lost = perform([REPLACE, { verdict: 'keep', name: 'seen' }, REST], OWN).finally(() =>
    pool.query(`drop policy seen on "Note"; drop policy "staff changes" on "Note";
      create policy staff on "Note" using (is_staff())`),
  );
  await expect(lost).rejects.toThrow(/user 9 could no longer change rows of public\.Note \(by role: 4\)/);
});

it('staff may lose what membership gave, which says nothing of the role', async () => {
  await pool.query('insert into share values (2, 9)');
  const member = 'for select using (exists (select from share where share.team = "Note".team and person = me()))';
  const lost = await withPolicy(member, () => ends([REPLACE, STAFF, REST], OWN)).finally(() =>
    pool.query('delete from share where person = 9'),
  );
  expect(lost).toEqual([['public.Note', 'read', 'of others', '1', '1', 'user 1']]);
});

it('tells changing and deleting from reading, and what restrictive policies hold back from what ends', async () => {
  await pool.query('insert into "Note" values (3, 1, true)');
  expect(await withPolicy('for update using (team = 1)', () => ends([REPLACE, STAFF, REST]))).toEqual([]);
  expect(await withPolicy('for all using (team = 1)', () => ends([REPLACE, STAFF, REST]))).toEqual([
    ['public.Note', 'add', 'of others', '2', '3', 'user 2'],
    ['public.Note', 'change', 'of others', '2', '2', 'user 2'],
    ['public.Note', 'delete', 'of others', '2', '3', 'user 2'],
  ]);
  await pool.query('delete from "Note" where draft');
});

it('tells rows that could be added, also by who sees none, and where there is none', async () => {
  const added = (who: string, rows: number) => [['public.Note', 'add', 'of others', '2', String(rows), who]];
  expect(await withPolicy('for insert with check (team = 1)', () => ends([REPLACE, STAFF, REST]))).toEqual(
    added('user 2', 2),
  );
  await pool.query('create table kept as table "Note"; delete from "Note"');
  const form = () => withPolicy('for insert with check (true)', () => ends([REPLACE, STAFF, REST]));
  const onNone = await form().finally(() => pool.query('insert into "Note" table kept; drop table kept'));
  expect(onNone).toEqual(added('user 1', 1));
});

it('knows what a policy lets through that is kept within a condition', async () => {
  const within = { verdict: 'keep-within', expression: ['true'] };
  expect(await withPolicy('for delete using (true)', () => ends([REPLACE, STAFF, within]))).toEqual([]);
  expect(await withPolicy('for all using (true)', () => ends([REPLACE, STAFF, within]))).toEqual([
    ['public.Note', 'read', 'of others', '1', '1', 'user 1'],
    ['public.Note', 'add', 'of others', '1', '1', 'user 1'],
    ['public.Note', 'change', 'of others', '1', '1', 'user 1'],
    ['public.Note', 'delete', 'of others', '1', '1', 'user 1'],
  ]);
});

it('keeps a restrictive policy as it is, which is kept within', async () => {
  const narrow = `as restrictive for select using (team = 1 or "Owner" = me())`;
  const within = { verdict: 'keep-within', name: 'demo', kind: 'restrictive' };
  expect(await withPolicy(narrow, () => ends([REPLACE, STAFF, within]))).toEqual([]);
});

it('understands policies that ask functions of whole rows, and other tables', async () => {
  const shared = `for select using (of_team_two("Note") and exists (select from share where team = "Note".team and person = me()))`;
  expect(await withPolicy(shared, () => ends([REPLACE, STAFF, { ...REST, verdict: 'keep' }]))).toEqual([]);
  expect(await withPolicy(shared, () => ends([REPLACE, STAFF, REST]))).toEqual([
    ['public.Note', 'read', 'of others', '1', '1', 'user 1'],
  ]);
});

it('tells beforehand, where the new policies ask for what is not there yet, what nobody may lose', async () => {
  const later = OWN.replaceAll('team', 'tenant');
  await expect(foreseen([REPLACE, STAFF], later)).resolves.toMatchObject({ finished: {} });
  await expect(foreseen([REPLACE, REST], later)).rejects.toThrow(/^.*: user 9 could no longer read .* \(by role: 4\)/);
  const noDelete = later.replace(/create policy "new delete".*/, '');
  const within = { verdict: 'keep-within', name: "Bob's own" };
  await expect(foreseen([STAFF, within], noDelete)).resolves.toMatchObject({ finished: {} });
  await expect(foreseen([STAFF, REST], noDelete)).rejects.toThrow(/delete rows of public\.Note \(own: 2\)/);
});

it.each([
  [
    'staff loses what its role gave',
    [REPLACE, REST],
    OWN,
    /user 9 could no longer read rows of public\.Note \(by role: 1\)/,
  ],
  [
    'people lose their own',
    [REPLACE, STAFF],
    OWN.replace(/:"owner" = public.me\(\) or/, ''),
    /user 2 could no longer read rows of public\.Note \(own: 1\)/,
  ],
  [
    'people could not change their own and leave it theirs',
    [REPLACE, STAFF],
    OWN.replace('for update using (', 'for update using (:"owner" = public.me()) with check (team = 1 and '),
    /user 2 could no longer change rows of public\.Note \(own: 1\)/,
  ],
  [
    'people may not do what the new policies ask',
    [REPLACE, STAFF],
    OWN.replace('team = 1', 'public.secret()'),
    /read rows of public\.Note \(own: refused\)/,
  ],
  [
    'people may not add what the new policies ask',
    [REPLACE, STAFF],
    OWN.replace('for insert with check (', 'for insert with check (public.secret() and '),
    /user 1 could no longer add rows of public\.Note \(own: refused\)/,
  ],
  [
    'the file makes policies elsewhere',
    [REPLACE, STAFF],
    'create policy elsewhere on public."Note" using (true)',
    'own.sql makes no policy of public.Note',
  ],
])('fails when %s', async (_, verdicts, own, words) => {
  const before = await policies();
  await expect(perform(verdicts, own)).rejects.toThrow(words);
  expect(await policies()).toEqual(before);
});
