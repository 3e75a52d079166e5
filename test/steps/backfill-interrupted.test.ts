import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RehearsedFailure } from '../../src/run/performer.ts';
import { eventually } from '../support/eventually.ts';
import { actOf } from './acting.ts';
import {
  ALL,
  type BackfillDatabase,
  backfillDatabase,
  FIELDS,
  FILES,
  ORPHANS,
  OWNED,
  ownServer,
  PARTS,
  STEP,
} from './backfill-database.ts';
import { commitProxy } from './commit-proxy.ts';
import { failingAct, finished, performing } from './performing.ts';

let db: BackfillDatabase;
beforeEach(async () => {
  db = await backfillDatabase();
});
afterEach(() => db.drop());

const counted = () => db.number("select coalesce(sum(rows_done), 0) from middlewatch.cursor where run = 'test'");

it('carries on behind the last committed batch after a kill -9', async () => {
  const conductor = execa(
    process.execPath,
    [
      fileURLToPath(new URL('./backfill-conductor.ts', import.meta.url)),
      'test',
      JSON.stringify({ ...FIELDS, batch: { blocks: 2, target: '1ms' } }),
    ],
    { env: db.env, reject: false },
  );
  const begun = () => db.number("select count(*) from pg_class where relname = 'cursor' and relkind = 'r'");
  await eventually(async () => expect((await begun()) && (await counted())).toBeGreaterThan(300));
  conductor.kill('SIGKILL');
  await conductor;
  await eventually(async () =>
    expect(
      await db.number(
        "select count(*) from pg_stat_activity where application_name = 'middlewatch #1 test' and state <> 'idle'",
      ),
    ).toBe(0),
  );
  // What the cursors say is what was committed, no more and no less, and there is work left to carry on with.
  const before = await db.filled();
  expect(await counted()).toBe(before);
  expect(before).toBeLessThan(ALL);
  await using performer = await performing(db.env, { token: 2, parts: PARTS, files: FILES });
  const result = await finished(performer, STEP, Object.assign(actOf(), { token: 2 }));
  expect(result.facts).toMatchObject({ rows: ALL, remaining: ORPHANS });
  expect([await db.filled(), await db.updates()]).toEqual([ALL, ALL]);
});

it('carries on by itself when the server crashes, and loses and repeats no row', async () => {
  await using own = await ownServer();
  const { server, superuser } = own;
  const { rows } = await superuser.query<{ pid: number }>('select pg_backend_pid() as pid');
  await using performer = await performing(server.env, { parts: PARTS, files: FILES });
  let crashed = false;
  const log: string[] = [];
  const act = Object.assign(actOf(), {
    note: async (text: string) => void log.push(text),
    pulse: ({ done }: { done: number }) => {
      if (crashed || done < OWNED) return;
      crashed = true;
      // One session that dies takes all of them with it, and every commit that was not on disk yet.
      process.kill(rows[0]?.pid ?? 0, 'SIGKILL');
    },
  });
  const result = await finished(performer, { ...STEP, batch: { ...STEP.batch, blocks: 4, target: 5 } }, act);
  expect(log).toEqual([expect.stringContaining('lost the connection'), expect.stringContaining('is back')]);
  expect(result.facts).toMatchObject({ rows: ALL, remaining: ORPHANS });
  const after = await server.connect();
  const { rows: counts } = await after.query<{ updates: string; ids: string }>(
    'select count(*) as updates, count(distinct (name, id)) as ids from log',
  );
  await after.end();
  expect(counts).toEqual([{ updates: String(ALL), ids: String(ALL) }]);
});

it('goes by its cursors when the answer to a COMMIT is lost', async () => {
  await using way = await commitProxy(db.env);
  await using performer = await performing(way.env, { parts: PARTS, files: FILES });
  const log: string[] = [];
  let once = true;
  const act = Object.assign(actOf(), {
    note: async (text: string) => void log.push(text),
    pulse: ({ done }: { done: number }) => {
      way.armed ||= once && done > OWNED;
      once = done <= OWNED;
    },
  });
  expect((await finished(performer, STEP, act)).facts).toMatchObject({ rows: ALL, remaining: ORPHANS });
  expect(log[0]).toContain('lost the connection');
  expect([await db.filled(), await db.updates()]).toEqual([ALL, ALL]);
});

it('begins a table anew that was rewritten in mid-backfill (F7)', async () => {
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const one = { ...STEP, workers: 1 };
  await expect(performer.perform(one, failingAct())).rejects.toBeInstanceOf(RehearsedFailure);
  const half = await db.filled();
  expect(half).toBeGreaterThan(0);
  // The largest table is the first. Rewritten in descending order, what is left to do comes where the cursor has been.
  await db.superuser.query('create index backwards on "Big Table" (id desc); cluster "Big Table" using backwards');
  await finished(performer, one);
  expect([await db.filled(), await db.updates()]).toEqual([ALL, ALL]);
});

it('sweeps up rows that moved into blocks already passed (F7)', async () => {
  await using performer = await performing(db.env, { parts: PARTS, files: FILES });
  const one = { ...STEP, workers: 1 };
  await expect(performer.perform(one, failingAct())).rejects.toBeInstanceOf(RehearsedFailure);
  const passed = await db.number(
    "select max(next_block) from middlewatch.cursor where part like '%Big Table%' and lane = 0",
  );
  // Room in the first blocks, and an old client that updates a row further on.
  await db.superuser.query('vacuum "Big Table"');
  await db.superuser.query(`update "Big Table" set padding = repeat('y', 500) where id > ${2 * OWNED - 500}`);
  const moved = await db.number(
    `select count(*) from "Big Table" where tenant is null and (ctid::text::point)[0] < ${passed}`,
  );
  expect(moved).toBeGreaterThan(0);
  await finished(performer, one);
  expect(await db.filled()).toBe(ALL);
});

it('lets other conductors commit no batch', async () => {
  await using stale = await performing(db.env, { parts: PARTS, files: FILES });
  await using _ = await performing(db.env, { token: 2, parts: PARTS, files: FILES });
  await expect(stale.perform(STEP, actOf())).rejects.toThrow('taken this run over');
  expect(await db.filled()).toBe(0);
});
