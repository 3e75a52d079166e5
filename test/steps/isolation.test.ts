import { afterAll, beforeAll, expect, it } from 'vitest';
import { cells, fields, GUEST, HOLDS, MEMBER, openTrial, type Trial } from './isolation-trial.ts';

let trial: Trial;
beforeAll(async () => {
  trial = await openTrial();
});
afterAll(() => trial.close());

it('holds where it should, in every cell, and leaves nothing behind', async () => {
  const before = await trial.everything();
  const { evidence, facts } = await trial.perform();
  expect(cells(evidence, 'order')).toMatchObject(HOLDS);
  expect(facts).toMatchObject({ cells: 20, proved: 20, leaks: 0, lost: 0, unproved: 0 });
  expect(facts?.attacks).toBe(facts?.['attacks.refused']);
  expect(await trial.everything()).toEqual(before);
});

const onOrder = (policy: string) => [`create policy demo on "order" ${policy}`, 'drop policy demo on "order"'];
it.each([
  [
    'a policy that lets everybody read',
    onOrder('for select using (true)'),
    { outsider: /^LEAK – – –/, anonymous: /^LEAK/ },
  ],
  [
    'one for whoever is not signed in',
    onOrder('for select to public using (auth.uid() is null)'),
    { anonymous: /^LEAK/ },
  ],
  ['one for a row the trial does not try', onOrder('for select using ("Owner" is null)'), { stranger: /^LEAK/ }],
  ['an INSERT without a check', onOrder('for insert with check (true)'), { outsider: /^– LEAK/, stranger: /^– LEAK/ }],
  ['an UPDATE that reads no column', onOrder('for update using (true)'), { outsider: /^– – LEAK –/ }],
  ['a DELETE that reads no column', onOrder('for delete using (true)'), { outsider: /^– – – LEAK/ }],
  [
    'a DELETE of rows the trial does not try',
    onOrder('for delete using ("Owner" is null)'),
    { stranger: /^– – – LEAK/ },
  ],
  [
    'row level security that is off',
    ['alter table "order" disable row level security', 'alter table "order" enable row level security'],
    { outsider: /^LEAK ×4$/, anonymous: /^LEAK ×4$/ },
  ],
])('finds %s', async (_, [by = '', back = ''], leaks) => {
  await trial.changed(by, back);
  const before = await trial.everything();
  const { message, evidence } = await trial.failing();
  expect(message).toMatch(/^Isolation does not hold: order, /);
  for (const [actor, cell] of Object.entries(leaks)) expect(cells(evidence, 'order')[actor]).toMatch(cell);
  expect(await trial.everything()).toEqual(before);
});

it.each([
  [
    'an UPDATE that moves a row',
    'for update using ("Owner" = auth.uid()) with check (true)',
    /misplaced update by owner/,
  ],
  ['an INSERT under one’s own name', 'for insert with check ("Owner" = auth.uid())', /misplaced insert by owner/],
  [
    'an UPDATE that takes a row over',
    'for update using (true) with check ("Owner" = auth.uid())',
    /take-row by outsider/,
  ],
])('finds %s', async (_, policy, leak) => {
  await trial.changed(`create policy lax on "order" ${policy}`, 'drop policy lax on "order"');
  const { evidence } = await trial.failing();
  const wrong = evidence.find(({ title }) => title === 'What is not as it should be');
  expect(JSON.stringify(wrong)).toMatch(leak);
});

it('finds a row that could be given to an account without a profile, also where that one has to exist', async () => {
  await trial.changed(
    `create view everybody as select id from profiles;
     grant select on everybody to ${MEMBER}, ${GUEST};
     create policy lax on "order" for update using ("Owner" = auth.uid()) with check (
       tenant_id = current_tenant_id() and not exists (select from everybody where id = "Owner" and id <> auth.uid()))`,
    'drop policy lax on "order"; drop view everybody',
  );
  const leaks = async () => {
    const { evidence } = await trial.failing();
    return JSON.stringify(evidence.find(({ title }) => title === 'What is not as it should be'));
  };
  expect(await leaks()).toMatch(/misplaced update by owner/);
  await trial.changed(
    `create table accounts as select id from profiles; alter table accounts add primary key (id);
     alter table "order" add constraint account foreign key ("Owner") references accounts (id)`,
    'alter table "order" drop constraint account; drop table accounts',
  );
  expect(await leaks()).toMatch(/LEAK.*misplaced update by owner/);
});

it('finds that users can move themselves into a tenant', async () => {
  await trial.changed(
    'create policy change on profiles for update using (id = auth.uid())',
    'drop policy change on profiles',
  );
  expect((await trial.failing()).message).toMatch(/\(besides\), join-their-tenant by owner, outsider: got at 1 row/);
});

it('takes what a trigger puts right for no leak', async () => {
  await trial.changed(
    `create policy lax on "order" for insert with check ("Owner" = auth.uid());
     create function put_right() returns trigger language plpgsql as $$
       begin new."Owner" := auth.uid(); new.tenant_id := current_tenant_id(); return new; end $$;
     create trigger put_right before insert on "order" for each row execute function put_right()`,
    'drop policy lax on "order"; drop trigger put_right on "order"; drop function put_right',
  );
  const { evidence } = await trial.failing();
  // Everybody adds rows of their own now, which is told; but none stands where it should not.
  expect(JSON.stringify(evidence)).not.toContain('misplaced insert by');
});

it('is not led astray by a policy that costs more than what it counts with', async () => {
  await trial.changed(
    `create function costly() returns boolean language sql stable cost 10000 return current_user = 'nobody';
     create policy staff on "order" using (costly())`,
    'drop policy staff on "order"; drop function costly',
  );
  expect(cells((await trial.perform()).evidence, 'order')).toMatchObject(HOLDS);
});

it('finds own rows that have gone out of reach', async () => {
  await trial.changed(
    'create policy strict on "order" as restrictive for select using (fee <> 3)',
    'drop policy strict on "order"',
  );
  expect((await trial.failing()).message).toMatch(/^Out of reach .*order, select by owner.*: sees 3 of 4/);
});

it('asks for no more than was granted, and takes nothing of one’s own for a leak', async () => {
  await trial.changed(`revoke delete on "order" from ${MEMBER}`, `grant delete on "order" to ${MEMBER}`);
  const { evidence } = await trial.perform({ may: { ...fields.may, owner: ['select', 'insert', 'delete'] } });
  expect(cells(evidence, 'order')).toMatchObject({ owner: '✓ ✓ ✓ –', colleague: '✓ – – –' });
});
