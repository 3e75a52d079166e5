import { rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeFolder } from '../../src/rehearsal/folder.ts';
import { startPostgres } from '../../src/rehearsal/postgres.ts';
import type { Target } from '../../src/run/events.ts';
import type { Performer } from '../../src/run/performer.ts';
import { redactor } from '../../src/run/redact.ts';
import { doubtOf, OtherTarget, TargetChanged } from '../../src/run/target.ts';
import { openPerformer } from '../../src/steps/performer.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { standbyOf } from '../support/standby.ts';
import { actOf, runbookOf, stateOf } from './acting.ts';

const FILES = { 'one.sql': 'create table one ();', 'two.sql': 'create table two ();' };
const steps = ['one', 'two'].map((id) => ({ id, title: id, kind: 'sql', files: [`${id}.sql`] }));
const RUNBOOK = runbookOf({ timeline: [{ id: 'all', title: 'All', at: '02:00', owner: 'ops', steps }] }, FILES);
const [ONE, TWO] = RUNBOOK.activities.flatMap((activity) => activity.steps);
if (!ONE || !TWO) throw new Error('The runbook has two steps.');

const bound = (target: Target, done: string[] = []) =>
  stateOf(Object.fromEntries(done.map((id) => [id, { status: 'done' as const }])), { target });

function performerOf(env: Record<string, string>) {
  const performer = openPerformer({ runbook: RUNBOOK, env, redactor: redactor(env), exports: 'exports' });
  return Object.assign(performer, { [Symbol.asyncDispose]: () => performer.close() });
}

/** Binds it as the conductor with this token. */
async function taken(performer: Performer, token: number): Promise<Target> {
  const bound = await performer.bind('test', token, 'journal');
  if (bound === null) throw new Error('The runbook works on a database.');
  return bound.target;
}

let db: TestDatabase;
beforeEach(async () => {
  db = await freshDatabase();
});
afterEach(() => db.drop());

it('that is a copy from before the run, or one of another run, is refused', async () => {
  await using performer = performerOf(db.env);
  const target = await taken(performer, 1);
  expect(doubtOf(RUNBOOK, bound(target), await performer.look('test', 1))).toBeNull();
  await db.superuser.query('update middlewatch.fence set marker = gen_random_uuid()');
  const other = await performer.look('test', 1);
  expect(() => doubtOf(RUNBOOK, bound(target), other)).toThrow(/another mark of this run/);
  await expect(performer.perform(ONE, actOf({ state: bound(target) }))).rejects.toBeInstanceOf(TargetChanged);
  await db.superuser.query('drop schema middlewatch cascade');
  const none = await performer.look('test', 1);
  expect(() => doubtOf(RUNBOOK, bound(target), none)).toThrow(OtherTarget);
});

it('that has lost a step is nothing to go on with unasked', async () => {
  await using performer = performerOf(db.env);
  const target = await taken(performer, 1);
  await performer.perform(ONE, actOf({ state: bound(target) }));
  const state = bound(target, ['one']);
  expect(doubtOf(RUNBOOK, state, await performer.look('test', 1))).toBeNull();
  await db.superuser.query('delete from middlewatch.ledger');
  expect(doubtOf(RUNBOOK, state, await performer.look('test', 1))).toMatchObject({ lost: ['one'] });
  await expect(performer.perform(TWO, actOf({ state }))).rejects.toBeInstanceOf(TargetChanged);
});

it('whose connections are ended in mid-step is asked what it has, and the step goes on', async () => {
  await using performer = performerOf(db.env);
  const target = await taken(performer, 1);
  const holder = await db.client();
  await holder.query('begin; create table one ()');
  const notes: string[] = [];
  const act = Object.assign(actOf({ state: bound(target) }), { note: async (text: string) => void notes.push(text) });
  const performed = performer.perform(ONE, act);
  await eventually(async () => {
    const { rowCount } = await db.superuser.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'middlewatch #1 test' and wait_event_type = 'Lock'`,
    );
    expect(rowCount).toBe(1);
  });
  await eventually(() => expect(notes[0]).toContain('lost the connection'));
  await holder.query('rollback');
  expect(await performed).toMatchObject({ finished: { summary: '1 statement committed' } });
  expect(notes[1]).toContain('is back');
});

it('whose administrator ends the session again is left alone until people have been asked', async () => {
  await using performer = performerOf(db.env);
  const target = await taken(performer, 1);
  const holder = await db.client();
  await holder.query('begin; create table one ()');
  const failed = performer.perform(ONE, actOf({ state: bound(target) })).catch((error: unknown) => error);
  const ended: number[] = [];
  while (ended.length < 2) {
    await eventually(async () => {
      const { rows } = await holder.query<{ pid: number }>(
        `select pid, pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'middlewatch #1 test' and wait_event_type = 'Lock' and pid <> all ($1)`,
        [ended],
      );
      expect(rows).toHaveLength(1);
      ended.push(...rows.map(({ pid }) => pid));
    });
  }
  const failure = performer.explain(await failed);
  expect(failure).toMatchObject({ name: 'EndedOnPurpose', code: '57P01', advice: expect.stringContaining('ask them') });
  expect(JSON.stringify(failure.evidence)).toContain('pg_terminate_backend(pid)');
  await holder.query('rollback');
  expect(await performer.perform(ONE, actOf({ state: bound(target) }))).toHaveProperty('finished');
});

/** A way to a server that can be laid to another one. */
async function switchboard(port: number) {
  let to = port;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const behind = connect(to, '127.0.0.1');
    for (const socket of [client, behind]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        behind.destroy();
      });
    }
    client.pipe(behind).pipe(client);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' ? String(address?.port) : '',
    layTo(other: number) {
      to = other;
      for (const socket of open) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

it('that is a replica which was promoted without the last commit stops the run', async () => {
  const folder = await makeFolder();
  const primary = await startPostgres({ folder, binaries: process.env.TEST_POSTGRES });
  try {
    await using way = await switchboard(primary.port);
    await using performer = performerOf({ ...primary.env, PGPORT: way.port });
    const target = await taken(performer, 1);
    await performer.perform(ONE, actOf({ state: bound(target) }));
    await using standby = await standbyOf(primary, folder);
    // What is committed from here on never reaches it.
    await standby.client.query(`alter system set primary_conninfo = ''`);
    await standby.client.query('select pg_reload_conf()');
    await eventually(async () => {
      const { rowCount } = await standby.client.query('select from pg_stat_wal_receiver');
      expect(rowCount).toBe(0);
    });
    await performer.perform(TWO, actOf({ state: bound(target, ['one']) }));
    const { rows } = await standby.client.query<{ port: number }>('select inet_server_port() as port, pg_promote()');
    way.layTo(rows[0]?.port ?? 0);
    const state = bound(target, ['one', 'two']);
    await expect(performer.perform(TWO, actOf({ state }))).rejects.toBeInstanceOf(TargetChanged);
    const doubt = doubtOf(RUNBOOK, state, await performer.look('test', 1));
    expect(doubt).toMatchObject({ lost: ['two'], why: expect.stringContaining('timeline 2'), target: { timeline: 2 } });
    // Somebody has decided to go on with it.
    const on = actOf({ state: bound(await taken(performer, 2), ['one']) });
    expect(await performer.perform(TWO, Object.assign(on, { token: 2 }))).toMatchObject({ finished: {} });
  } finally {
    await primary.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
