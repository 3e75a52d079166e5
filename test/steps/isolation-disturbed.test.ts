import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cells, EMPTY, file, GUEST, HOLDS, MEMBER, ORDER, openTrial, type Trial } from './isolation-trial.ts';

let trial: Trial;
beforeAll(async () => {
  trial = await openTrial();
});
afterAll(() => trial.close());

/** The pool, with something done before each of the step's transactions. */
const poolWith = (between: () => Promise<void>): pg.Pool =>
  Object.create(trial.pool, {
    connect: {
      value: async () => {
        await between();
        return trial.pool.connect();
      },
    },
  });

it('proves nothing without a row to try on, and proves it with a sample', async () => {
  const before = await trial.everything();
  const { message, evidence } = await trial.failing({}, [ORDER, EMPTY]);
  expect(message).toMatch(/^Not proved: empty, .*: there is no row of owner/);
  expect(cells(evidence, 'empty')).toMatchObject({ owner: '? ? ? ?', anonymous: '? ? ? ?' });
  expect(cells(evidence, 'order')).toMatchObject(HOLDS);
  const proved = await trial.perform({ samples: { empty: 'sample.sql' } }, [EMPTY]);
  expect(cells(proved.evidence, 'empty')).toMatchObject(HOLDS);
  expect(await trial.everything()).toEqual(before);
});

it('shows as unproved whom it could not act as', async () => {
  const { message, evidence } = await trial.failing({ actors: 'no-colleague.sql' });
  expect(message).toMatch(/order, select by colleague; .*: nobody was found to act as colleague/);
  expect(cells(evidence, 'order')).toMatchObject({ ...HOLDS, colleague: '? ? ? ?' });
});

it('shows as unproved an insert that something else than row security refused', async () => {
  await trial.changed(
    `create function stumble() returns trigger language plpgsql as 'begin return 1 / 0; end';
     create trigger stumble before insert on "order" for each row execute function stumble()`,
    'drop trigger stumble on "order"; drop function stumble',
  );
  const { message, evidence } = await trial.failing();
  expect(message).toMatch(/^Not proved: order, insert by owner, .*: division by zero/);
  expect(cells(evidence, 'order').owner).toBe('✓ ? ✓ ✓');
});

it('knows that an insert has come past the policies when a constraint stops it', async () => {
  await trial.changed(
    `create unique index one_each on "order" ("Owner", fee, tax); create unique index by_expression on "order" (lower(label));
     alter table "order" add check (length(label) < 12)`,
    'drop index one_each, by_expression; alter table "order" drop constraint order_label_check',
  );
  expect(cells((await trial.perform()).evidence, 'order')).toMatchObject(HOLDS);
  await trial.changed('create policy lax on "order" for insert with check (true)', 'drop policy lax on "order"');
  expect(cells((await trial.failing()).evidence, 'order').outsider).toBe('– LEAK – –');
});

it('knows the constraints of partitions, and tries a row that has one', async () => {
  await trial.changed(
    `create table parted ("Owner" uuid, tenant_id uuid, region text, at date default now(), primary key ("Owner", region, at))
       partition by list (region);
     create table parted_north partition of parted for values in ('north') partition by range (at);
     create table parted_past partition of parted_north for values from ('2020-01-01') to ('2021-01-01');
     insert into parted select id, tenant_id, 'north', '2020-06-01' from profiles;
     grant all on parted to ${MEMBER}, ${GUEST};
     alter table parted enable row level security;
     create policy mine on parted to ${MEMBER} using ("Owner" = auth.uid() or tenant_id = current_tenant_id())
       with check ("Owner" = auth.uid() and tenant_id = current_tenant_id())`,
    'drop table parted',
  );
  const parted = { name: 'parted', schema: 'public', owner: 'Owner' };
  const except = { parted: { colleague: ['select', 'delete'] } };
  expect(cells((await trial.perform({ except }, [parted])).evidence, 'parted')).toMatchObject(HOLDS);
});

it('takes a sequence that somebody may not use for no refusal of the policies', async () => {
  await trial.changed(
    `revoke all on sequence order_number_seq from ${MEMBER}, ${GUEST}`,
    `grant all on sequence order_number_seq to ${MEMBER}, ${GUEST}`,
  );
  expect(cells((await trial.perform()).evidence, 'order')).toMatchObject(HOLDS);
  await trial.changed('create policy lax on "order" for insert with check (true)', 'drop policy lax on "order"');
  expect(cells((await trial.failing()).evidence, 'order').outsider).toBe('– LEAK – –');
});

it('does not take a clumsy attack for a refused one', async () => {
  const { message } = await trial.failing({ attacks: [{ file: 'clumsy.sql', by: ['owner'] }] });
  expect(message).toMatch(/\(besides\), clumsy by owner: .*no_such_column/);
});

it.each([
  ['at once', 1],
  ['while it is being tried', 3],
])('takes nobody for a leak who leaves %s after they were found', async (_, when) => {
  await trial.changed(
    `alter policy mine on "order" with check (
       ("Owner" = auth.uid() or tenant_id = current_tenant_id()) and (tenant_id is null or tenant_id = current_tenant_id()));
     ${file('sql/tables/functions.sql').replace(/revoke .*$/s, '')}
     create trigger guard_new before insert on "order" for each row when (new.tenant_id is not null)
       execute function guard_tenant_id('Owner');
     create trigger guard before update on "order" for each row when (new.tenant_id is distinct from old.tenant_id)
       execute function guard_tenant_id('Owner');
     create trigger guard_owner before update on "order" for each row when (new."Owner" is distinct from old."Owner")
       execute function guard_row_owner('Owner');
     create trigger zfill before insert or update on "order" for each row execute function fill_tenant_id('Owner');
     create table was as select * from profiles;
     with tenant as (insert into tenants default values returning id)
       insert into profiles select 'ffffffff-ffff-4fff-bfff-ffffffffffff', id from tenant`,
    `drop trigger guard_new on "order"; drop trigger guard on "order"; drop trigger guard_owner on "order";
     drop trigger zfill on "order";
     drop function fill_tenant_id, guard_tenant_id, guard_row_owner, is_in_my_tenant;
     alter policy mine on "order" with check ("Owner" = auth.uid() and tenant_id = current_tenant_id());
     delete from profiles; insert into profiles select * from was; drop table was;
     delete from tenants where id not in (select tenant_id from profiles)`,
  );
  let before = 0;
  const between = poolWith(async () => {
    if (before++ === when)
      await trial.pool.query('delete from profiles where id = (select id from profiles order by id offset 1 limit 1)');
  });
  const except = { order: { colleague: ['select', 'insert', 'update', 'delete'] } };
  const { facts } = await trial.perform({ except }, [ORDER], between);
  expect(before).toBeGreaterThan(when);
  expect(facts).toMatchObject({ leaks: 0, lost: 0, unproved: 0 });
});

it('waits for others to let go of a row it can be tried on', async () => {
  const holder = await trial.client();
  await holder.query('begin; select from "order" for update');
  let before = 0;
  const between = poolWith(async () => {
    // Longer than one look at the table takes.
    if (before++ === 40) await holder.query('rollback');
  });
  const { facts } = await trial.perform({}, [ORDER], between);
  expect(before).toBeGreaterThan(40);
  expect(facts).toMatchObject({ unproved: 0 });
});

it('is not put off by an application that is at the same rows all the time', async () => {
  // Whatever trigger comes before an update: the row is locked for it, before the policy's check is looked at.
  await trial.changed(
    'create trigger lock_first before update on "order" for each row execute function suppress_redundant_updates_trigger()',
    'drop trigger lock_first on "order"',
  );
  const application = await trial.client();
  let over = false;
  const busy = (async () => {
    while (!over) {
      await application.query('update "order" set tax = tax + 1');
      await application.query('update profiles set tenant_id = tenant_id');
      await application.query('select pg_sleep(0.005)');
    }
  })();
  const performed = await trial.perform().finally(() => {
    over = true;
  });
  await busy;
  expect(cells(performed.evidence, 'order')).toMatchObject(HOLDS);
});
