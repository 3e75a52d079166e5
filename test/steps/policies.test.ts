import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Act } from '../../src/run/performer.ts';
import { RehearsedFailure } from '../../src/run/performer.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { actOf, stateOf, stepOf } from './acting.ts';
import { failingAct, finished, performing } from './performing.ts';

const PARTS = {
  lists: {
    tables: [
      { name: 'order', schema: 'public' },
      { name: 'note', schema: 'public' },
    ],
  },
};
const FILES = {
  'own.sql': `create policy "own rows" on :"schema".:"name" for select using (owner = public.me());
    create policy "own new rows" on :"schema".:"name" for insert with check (owner = public.me());`,
};
const STEP = stepOf('policies', {
  id: 'replace',
  tables: 'tables',
  file: 'own.sql',
  replaces: ['Users can *', 'What (about) this? [100%]'],
  keeps: ['Admins *'],
  unexpected: 'stray',
});
const REMEMBER = stepOf('check', { id: 'before', catalog: 'remember' });
const COMPARE = stepOf('check', { id: 'after', catalog: 'compare' });

let db: TestDatabase;
let roles: string[];

beforeEach(async () => {
  db = await freshDatabase();
  roles = ['reader', 'Night Watch'].map((role) => `${role} ${db.name}`);
  for (const role of roles) await db.superuser.query(`create role "${role}"`);
  await db.superuser.query(`
    create function public.me() returns int language sql stable as 'select 1';
    create schema hidden; create function hidden.on_duty() returns bool language sql stable as 'select true';
    create table "order" (id int, owner int); create table note (id int, owner int);
    alter table "order" enable row level security; alter table "order" force row level security;
    alter table note enable row level security;
    create policy "Users can view" on "order" for select to ${roles.map((role) => `"${role}"`).join(', ')} using (owner = me());
    comment on policy "Users can view" on "order" is 'it''s theirs';
    create policy "Users can update" on "order" for update using (true) with check (owner = me());
    create policy "What (about) this? [100%]" on "order" as restrictive for delete using (false);
    create policy "Admins do" on "order" using (false);
    set search_path = hidden, public;
    create policy "Users can note" on note for insert with check (on_duty());`);
});
afterEach(async () => {
  await db.drop();
  // Roles belong to the server, not to the database.
  const other = await freshDatabase();
  for (const role of roles) await other.superuser.query(`drop role "${role}"`);
  await other.drop();
});

const policies = async (table: string) =>
  (
    await db.superuser.query<{ policyname: string }>(
      'select policyname from pg_policies where tablename = $1 order by 1',
      [table],
    )
  ).rows.map(({ policyname }) => policyname);

const decided = (choose: string): Act =>
  actOf({ state: stateOf({}, { prompts: [{ prompt: { step: 'stray' }, settled: { choose } }] } as never) });

it('replaces what it should, keeps what it may, and restores all of it (F3)', async () => {
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  await finished(performer, REMEMBER);
  const result = await finished(performer, STEP);
  expect(result.facts).toMatchObject({ tables: 2, created: 4, replaced: 4, kept: 1, dropped: 0 });
  expect(await policies('order')).toEqual(['Admins do', 'own new rows', 'own rows']);
  expect(await policies('note')).toEqual(['own new rows', 'own rows']);
  await expect(performer.perform(COMPARE, actOf())).rejects.toThrow('differences');
  await performer.undo(STEP, actOf());
  // Names, commands, roles, kinds, expressions, comments, flags: the catalog is the same to the line.
  await finished(performer, COMPARE);
  expect(await performer.verify(STEP, actOf())).toEqual({ found: 'not-done' });
});

it('touches no table while there is a policy that nobody has decided about (F10)', async () => {
  await db.superuser.query('create policy "left behind" on note using (true)');
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const before = await policies('order');
  const error = await performer.perform(STEP, actOf()).catch((error: unknown) => error);
  const { advice, evidence } = performer.explain(error);
  expect(advice).toContain('stray');
  expect(evidence).toMatchObject([
    { kind: 'rows', rows: [['public.note', 'left behind', 'all', 'public', 'permissive', 'true', '']] },
  ]);
  expect(await policies('order')).toEqual(before);
});

it.each([
  ['drop', ['own new rows', 'own rows']],
  ['keep', ['left behind', 'own new rows', 'own rows']],
])('does what was decided about it: %s (F10)', async (choice, after) => {
  await db.superuser.query('create policy "left behind" on note using (true)');
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  await finished(performer, REMEMBER);
  await finished(performer, STEP, decided(choice));
  expect(await policies('note')).toEqual(after);
  await performer.undo(STEP, actOf());
  await finished(performer, COMPARE);
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
  await using performer = await performing(db.env, {
    parts: { lists: { tables: [PARTS.lists.tables[0], { name: 'note', schema: 'public', policies: 'broken.sql' }] } },
    files: { ...FILES, 'broken.sql': 'create policy "own rows" on note using (nobody_knows_me);' },
  });
  await finished(performer, REMEMBER);
  await expect(performer.perform(STEP, actOf())).rejects.toThrow(/^broken\.sql:1: column "nobody_knows_me"/);
  expect(await policies('order')).toContain('own rows');
  expect(await policies('note')).toEqual(['Users can note']);
  await performer.undo(STEP, actOf());
  await finished(performer, COMPARE);
});

it('does not pass off policies as protection where row-level security is off', async () => {
  await db.superuser.query('alter table note disable row level security');
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  await expect(performer.perform(STEP, actOf())).rejects.toThrow('not enabled on public.note');
  expect(await policies('note')).toEqual(['Users can note']);
});
