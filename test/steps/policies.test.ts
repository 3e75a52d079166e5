import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Evidence } from '../../src/run/events.ts';
import { type Act, type Performer, RehearsedFailure } from '../../src/run/performer.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { actOf, stateOf, stepOf } from './acting.ts';
import { failingAct, finished, performing } from './performing.ts';

const STEP_FIELDS = {
  id: 'replace',
  tables: 'tables',
  file: 'own.sql',
  verdicts: [
    { verdict: 'keep', expression: ["public.has_role(*, '{{settings.staff}}'::*)"] },
    { verdict: 'replace', expression: ['({{item.owner}} = public.me())', 'true'], name: 'Users can *' },
    { verdict: 'keep-within', role: 'reader *', command: 'select' },
    { verdict: 'drop', name: 'What (about) this? [100%]', kind: 'restrictive' },
  ],
  within: "team = :'team'::int -- theirs",
};
const PARTS = {
  settings: { staff: 'admin' },
  lists: {
    tables: [
      { name: 'order', schema: 'public', owner: 'Owner', team: '7' },
      { name: 'note', schema: 'public', owner: 'owner', team: '8' },
    ],
  },
  timeline: [
    {
      id: 'all',
      title: 'All',
      at: '02:00',
      owner: 'ops',
      steps: [{ kind: 'policies', title: 'Replace', unexpected: 'stray', ...STEP_FIELDS }],
    },
  ],
};
const FILES = {
  'own.sql': `create policy "own rows" on :"schema".:"name" for select using (:"owner" = public.me());
    create policy "own changes" on :"schema".:"name" for update using (:"owner" = public.me());
    create policy "own new rows" on :"schema".:"name" for insert with check (:"owner" = public.me());`,
};
const STEP = stepOf('policies', { ...STEP_FIELDS, unexpected: 'stray' });
const DECISION = stepOf('decision', {
  id: 'stray',
  question: 'What becomes of them?',
  ask: 'if-rows',
  options: [{ choose: 'drop', says: 'They go.', effect: 'proceed' }],
});
const REMEMBER = stepOf('check', { id: 'before', catalog: 'remember' });
const COMPARE = stepOf('check', { id: 'after', catalog: 'compare' });

let db: TestDatabase;
let roles: string[];

beforeEach(async () => {
  db = await freshDatabase();
  roles = ['reader', 'Night "Watch"'].map((role) => `${role} ${db.name}`);
  const [reader, watch] = roles.map((role) => `"${role.replaceAll('"', '""')}"`);
  await db.superuser.query(`
    create role ${reader}; create role ${watch};
    create function public.me() returns int language sql stable as 'select 1';
    create type public.job as enum ('admin', 'other');
    create function public.has_role(int, public.job) returns bool language sql stable as 'select true';
    create schema hidden; create function hidden.on_duty() returns bool language sql stable as 'select true';
    create table "order" (id int, "Owner" int, team int); create table note (id int, owner int, team int);
    create table membership (member int, note int);
    alter table "order" enable row level security; alter table "order" force row level security;
    alter table note enable row level security;
    create policy "Users can view" on "order" for select to ${reader}, ${watch} using ("Owner" = me());
    comment on policy "Users can view" on "order" is 'it''s theirs';
    create policy "Users can update" on "order" for update using (true) with check ("Owner" = me());
    create policy "What (about) this? [100%]" on "order" as restrictive for delete using (false);
    create policy "Bob's ""nightly""; drop table note" on "order" as restrictive using (id < 1000) with check (id > 0);
    comment on policy "Bob's ""nightly""; drop table note" on "order" is 'narrow';
    create policy "Staff" on "order" for all to ${watch} using (has_role(me(), 'admin'));
    create policy "members" on note for select to ${reader}
      using (id < 9 or exists (select from membership where membership.note = note.id and member = me()));
    comment on policy members on note is 'shared';
    set search_path = hidden, public;
    create policy "Users can note" on note for insert with check (owner = me());
    reset search_path;`);
});
afterEach(async () => {
  await db.drop();
  // Roles belong to the server, not to the database.
  const other = await freshDatabase();
  for (const role of roles) await other.superuser.query(`drop role "${role.replaceAll('"', '""')}"`);
  await other.drop();
});

/** Policies as PostgreSQL tells of them, with their comments, and the flags of the tables. */
async function security(): Promise<unknown> {
  const { rows } = await db.superuser.query(`
    select tablename, policyname, permissive, roles::text, cmd, qual, with_check, relrowsecurity, relforcerowsecurity,
           obj_description(p.oid, 'pg_policy') as comment
    from pg_policies join pg_policy as p on polname = policyname join pg_class as c on polrelid = c.oid and relname = tablename
    order by tablename, policyname`);
  return rows;
}

const policies = async (table: string) =>
  (
    await db.superuser.query<{ policyname: string }>(
      'select policyname from pg_policies where tablename = $1 order by 1',
      [table],
    )
  ).rows.map(({ policyname }) => policyname);

const rowsOf = (evidence: Evidence | undefined) => (evidence?.kind === 'rows' ? evidence.rows : undefined);

/** Has the decision made on what it shows. */
async function decided(performer: Performer, choose: string): Promise<Act> {
  const performed = await performer.perform(DECISION, actOf());
  const result = 'asks' in performed ? performed.asks : performed.finished;
  return actOf({
    state: stateOf({ stray: { status: 'done', result } }, {
      prompts: [{ prompt: { step: 'stray' }, settled: { choose } }],
    } as never),
  });
}

it('does with each what the rules say, and restores all of it (F3)', async () => {
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const before = await security();
  await finished(performer, REMEMBER);
  const result = await finished(performer, STEP);
  expect(result.facts).toMatchObject({ tables: 2, created: 6, replaced: 3, kept: 2, within: 1, dropped: 1 });
  const names = ['own changes', 'own new rows', 'own rows'];
  expect(await policies('order')).toEqual([`Bob's "nightly"; drop table note`, 'Staff', ...names]);
  expect(await policies('note')).toEqual(['members', ...names]);
  await expect(performer.perform(COMPARE, actOf())).rejects.toThrow('differences');
  await performer.undo(STEP, actOf());
  expect(await security()).toEqual(before);
  await finished(performer, COMPARE);
  expect(await performer.verify(STEP, actOf())).toEqual({ found: 'not-done' });
});

it('restores what is printed otherwise than it is read, and what it compares by that is not in the search_path', async () => {
  await db.superuser.query(String.raw`
    create type hidden.kind as enum ('open', 'OPEN');
    create function hidden.alike(hidden.kind, hidden.kind) returns bool language sql immutable
      as 'select lower($1::text) = lower($2::text)';
    create operator hidden.= (leftarg = hidden.kind, rightarg = hidden.kind, function = hidden.alike);
    alter table note add kind hidden.kind, add state varchar(10);
    create policy listed on note for delete using (state in ('a', 'it''s ]', E'\\', null) and state not in ('b', 'c')
      or state in ('a'::varchar(3), upper('(b'), current_setting('role')) or 'x' = any (array[state, 'b']));
    create policy several on note for delete using (me() in (id, owner, team) and (id, 3, owner) <> (1, 2, 3)
      or id not in (owner, team, 7) or exists (select from membership where (note = id or member = 1) and member in (note, 2, id)));
    set search_path = hidden, public;
    create policy alike on note for delete using (kind is distinct from 'open');
    reset search_path`);
  const byOperator = async () =>
    (
      await db.superuser.query(
        "select from pg_depend where classid = 'pg_policy'::regclass and refclassid = 'pg_operator'::regclass",
      )
    ).rowCount;
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const act = await decided(performer, 'drop');
  const before = await security();
  await finished(performer, REMEMBER);
  await performer.perform(STEP, act);
  expect(await policies('note')).not.toContain('alike');
  expect(await byOperator()).toBe(0);
  await performer.undo(STEP, act);
  expect(await security()).toEqual(before);
  expect(await byOperator()).toBe(1);
  await finished(performer, COMPARE);
});

it('keeps a policy within a condition, and is otherwise the same', async () => {
  const { rows: before } = await db.superuser.query(
    `select roles, cmd, qual from pg_policies where policyname = 'members'`,
  );
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  await finished(performer, STEP);
  const { rows: after } = await db.superuser.query(`
    select roles, cmd, qual, obj_description(oid, 'pg_policy') as comment
    from pg_policies join pg_policy on polname = policyname where policyname = 'members'`);
  expect(after).toEqual([{ ...before[0], qual: `(${before[0].qual} AND (team = 8))`, comment: 'shared' }]);
});

it('takes no policy for replaced that no new one stands in for', async () => {
  await db.superuser.query('create policy "Users can delete" on note for delete using (owner = me())');
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const performed = await performer.perform(DECISION, actOf());
  expect(rowsOf('asks' in performed ? performed.asks.evidence?.[0] : undefined)).toEqual([
    [
      'public.note',
      'Users can delete',
      'delete to public',
      'using ((owner = public.me()))',
      'no new policy is for delete',
      expect.stringMatching(/^using \(\(\(owner = public\.me\(\)\)\) and \( team = '8'::int/),
    ],
  ]);
});

it('asks about a restrictive policy that says what the new ones are to open up', async () => {
  await db.superuser.query(`
    create policy "Users can see nothing else" on note as restrictive using (owner = me());
    create policy "Users can see this year" on note as restrictive using (id > 2000)`);
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const performed = await performer.perform(DECISION, actOf());
  const [undecided] = ('asks' in performed ? performed.asks.evidence : undefined) ?? [];
  expect(rowsOf(undecided)?.map(([, policy, , , why]) => [policy, why])).toEqual([
    ['Users can see nothing else', 'restrictive: while it stays, the new policies open nothing to others'],
  ]);
});

it('leaves alone, when it is taken back, what somebody else has made or changed since', async () => {
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const before = await security();
  await finished(performer, REMEMBER);
  await finished(performer, STEP);
  await db.superuser.query(`
    create policy "since then" on note for delete using (true); comment on policy "since then" on note is 'mine';
    alter policy "Staff" on "order" using (false)`);
  const { exceptions } = await performer.undo(STEP, actOf());
  expect(exceptions).toEqual(['public.note: somebody else has made since, and it stays: since then']);
  await expect(performer.perform(COMPARE, actOf())).rejects.toThrow('differences');
  expect(await policies('note')).toEqual(['Users can note', 'members', 'since then']);
  await db.superuser.query(`
    drop policy "since then" on note; alter policy "Staff" on "order" using (has_role(me(), 'admin'))`);
  expect(await security()).toEqual(before);
});

it('touches no table while there is a policy that nobody has decided about (F10)', async () => {
  await db.superuser.query('create policy "left behind" on note using (true)');
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const before = await security();
  const error = await performer.perform(STEP, actOf()).catch((error: unknown) => error);
  const { advice, evidence } = performer.explain(error);
  expect(advice).toContain('stray');
  expect(rowsOf(evidence?.[0])).toEqual([
    [
      'public.note',
      'left behind',
      'all to public',
      'using (true)',
      'no rule names it',
      expect.stringContaining('using ((true) and ('),
    ],
  ]);
  expect(await security()).toEqual(before);
});

it('shows a decision what the rules say, and asks nobody when they say it all', async () => {
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const { evidence } = await finished(performer, DECISION);
  expect(rowsOf(evidence?.[1])?.map(([table, policy, , , verdict]) => [table, policy, verdict])).toEqual([
    ['public.order', `Bob's "nightly"; drop table note`, 'keep'],
    ['public.order', 'Staff', 'keep'],
    ['public.order', 'What (about) this? [100%]', 'drop'],
    ['public.note', 'members', 'keep-within'],
  ]);
  expect(rowsOf(evidence?.[1])?.[3]?.[3]).toMatch(/ and \( team = '8'::int -- theirs \)\)$/);
});

it.each([
  ['drop', undefined],
  ['keep', "(auth_role() = 'authenticated'::text)"],
  ['keep-within', "((auth_role() = 'authenticated'::text) AND (team = 8))"],
])('does what was decided about it: %s (F10)', async (choice, qual) => {
  await db.superuser.query(`create function auth_role() returns text language sql stable as 'select ''anon''::text'`);
  await db.superuser.query(`create policy "left behind" on note using (auth_role() = 'authenticated')`);
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  await finished(performer, REMEMBER);
  await finished(performer, STEP, await decided(performer, choice));
  const { rows } = await db.superuser.query(`select qual from pg_policies where policyname = 'left behind'`);
  expect(rows).toEqual(qual === undefined ? [] : [{ qual }]);
  await performer.undo(STEP, actOf());
  await finished(performer, COMPARE);
});

it.each([
  ['came', 'create policy "late" on note using (true)'],
  ['was changed', 'alter policy "left behind" on note using (true)'],
])('takes a decision for one about what it showed: not about what %s since', async (_how, since) => {
  await db.superuser.query('create policy "left behind" on note using (false)');
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const act = await decided(performer, 'drop');
  await db.superuser.query(since);
  const before = await security();
  await expect(performer.perform(STEP, act)).rejects.toThrow('nobody has decided about');
  expect(await security()).toEqual(before);
});

it('leaves a table as it was when it fails there, and carries on with that one (F12)', async () => {
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const before = await policies('order');
  await expect(performer.perform(STEP, failingAct())).rejects.toBeInstanceOf(RehearsedFailure);
  expect(await policies('order')).toEqual(before);
  await finished(performer, STEP);
  expect(await policies('order')).toContain('own rows');
});

it('is taken back from the middle', async () => {
  const [order, note] = PARTS.lists.tables;
  await using performer = await performing(db.env, {
    parts: { ...PARTS, lists: { tables: [order, { ...note, policies: 'broken.sql' }] } },
    files: { ...FILES, 'broken.sql': 'create policy "own rows" on note for insert with check (nobody_knows_me);' },
  });
  const before = await security();
  await finished(performer, REMEMBER);
  await expect(performer.perform(STEP, actOf())).rejects.toThrow(/^broken\.sql:1: column "nobody_knows_me"/);
  expect(await policies('order')).toContain('own rows');
  expect(await policies('note')).toEqual(['Users can note', 'members']);
  await performer.undo(STEP, actOf());
  expect(await security()).toEqual(before);
  await finished(performer, COMPARE);
});

it('does not pass off policies as protection where row-level security is off', async () => {
  await db.superuser.query('alter table note disable row level security');
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  await expect(performer.perform(STEP, actOf())).rejects.toThrow('not enabled on public.note');
  expect(await policies('note')).toEqual(['Users can note', 'members']);
});
