import { setTimeout as delay } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import type { Queryable, Table } from './ask.ts';
import { Blocked, FenceLost, OtherJournal, sqlState } from './errors.ts';
import { mustBeOurs } from './foreign-house.ts';
import { endEarlier } from './sessions.ts';

/** Runs that begin at the same moment build one after the other: beside their like, IF NOT EXISTS and REVOKE fail. */
const BUILDER = "pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('middlewatch'))";

/**
 * What the program keeps in the target, in a schema of its own: who conducts (fence), what was committed (ledger), how
 * far backfills got (cursor), what was there before (snapshot), what the application changes meanwhile (touched).
 */
const HOUSE = `
select ${BUILDER};
create schema if not exists middlewatch;
create table if not exists middlewatch.fence (
  run text primary key,
  token bigint not null);
alter table middlewatch.fence add column if not exists marker uuid not null default gen_random_uuid();
alter table middlewatch.fence add column if not exists journal text;
create table if not exists middlewatch.ledger (
  run text, step text, part text, attempt int not null, at timestamptz not null default now(), detail jsonb,
  primary key (run, step, part));
create table if not exists middlewatch.cursor (
  run text, step text, part text, pass int, lane int, filenode oid not null,
  start_block bigint not null, slice int not null, next_block bigint not null, end_block bigint not null,
  rows_done bigint not null default 0,
  primary key (run, step, part, pass, lane));
create table if not exists middlewatch.snapshot (
  run text, name text, part text, at timestamptz not null default now(), body jsonb not null,
  primary key (run, name, part));
create table if not exists middlewatch.touched (
  watch text not null, rows bigint not null, sum numeric not null, touched bigint not null);
-- It has no key, and would take no DELETE where a publication is for all tables.
alter table middlewatch.touched replica identity full;
`;

/** Nobody else has any business there, for a rollback trusts what it finds; default privileges may have let them in. */
const LOCKED_UP = `
do $$
declare
  other oid;
begin
  perform ${BUILDER};
  for other in
    select distinct grantee from pg_catalog.pg_namespace, pg_catalog.aclexplode(nspacl)
    where nspname = 'middlewatch' and grantee <> nspowner and grantee <> quote_ident(current_user)::regrole
  loop
    execute format(
      'revoke all on schema middlewatch from %s cascade',
      case other when 0 then 'public' else other::regrole::text end
    );
  end loop;
end
$$`;

/** How long a new conductor waits for the transactions of the one before it, in ms; twice what those may idle. */
const FENCE_TIMEOUT = 30_000;
/** Between two looks at who keeps it waiting, in ms. */
const LOOK_EVERY = 200;

/** A conductor's right to write. */
export interface FenceToken {
  run: string;
  token: number;
}

/** A fence that was taken. */
export interface Fence {
  /** Made with the fence of a run, at random, and the same for all its conductors: no other database has it. */
  marker: string;
  /** Sessions of earlier conductors that were ended in the middle of a transaction. */
  ended: Table;
}

/**
 * Makes the schema on first need, and takes the fence. A transaction of an earlier conductor that is being committed is
 * waited for; any other is ended, because whoever began it may be stopped, and has lost the right to commit it.
 * @param journal what no other journal has: the hash of its first record
 * @throws DatabaseTrouble when the schema is there and is another's
 * @throws FenceLost when a later conductor has been here
 * @throws OtherJournal when a run of this name has been here that is kept elsewhere
 * @throws Blocked when somebody else holds it
 */
export async function takeFence(pool: Pool, { run, token }: FenceToken, journal: string): Promise<Fence> {
  await mustBeOurs(pool);
  if (!(await houseStands(pool))) await pool.query(HOUSE);
  await pool.query(LOCKED_UP);
  const client = await pool.connect();
  try {
    await client.query('begin');
    const { rows } = await client.query<{ pid: number }>(
      "select set_config('lock_timeout', $1, true), pg_backend_pid() as pid",
      [String(FENCE_TIMEOUT)],
    );
    const inTheWay = clearing(pool, run, token, rows[0]?.pid ?? 0);
    const marker = await upsert(client, { run, token }, journal).finally(inTheWay.stop);
    await client.query('commit');
    const { columns, rows: idle } = await endEarlier(pool, run, token);
    return { marker, ended: { columns, rows: [...(await inTheWay.ended), ...idle] } };
  } catch (cause) {
    await client.query('rollback').catch(() => {});
    if (sqlState(cause) !== '55P03') throw cause;
    throw new Blocked(
      'The fence of this run is held by a session that is not of an earlier conductor.',
      'Find out who has locked a row of middlewatch.fence (pg_locks, pg_stat_activity); then start again.',
      { cause },
    );
  } finally {
    client.release();
  }
}

async function houseStands(on: Queryable): Promise<boolean> {
  const { rows } = await on.query<{ stands: boolean }>(
    `select to_regclass('middlewatch.touched') is not null
        and exists (select from pg_catalog.pg_attribute
                     where attrelid = to_regclass('middlewatch.fence') and attname = 'journal') as stands`,
  );
  return rows[0]?.stands === true;
}

/** @returns the marker */
async function upsert(client: PoolClient, { run, token }: FenceToken, journal: string): Promise<string> {
  const { rows } = await client.query<{ marker: string }>(
    `insert into middlewatch.fence as fence (run, token, journal) values ($1, $2, $3)
     on conflict (run) do update set token = excluded.token, journal = excluded.journal
      where fence.token <= excluded.token and coalesce(fence.journal, excluded.journal) = excluded.journal
     returning marker`,
    [run, token, journal],
  );
  const [taken] = rows;
  if (taken !== undefined) return taken.marker;
  const { rows: own } = await client.query('select from middlewatch.fence where run = $1 and journal = $2', [
    run,
    journal,
  ]);
  throw own.length > 0 ? fenceLost() : otherJournal(run);
}

/** Ends, until it is stopped, the sessions of earlier conductors that keep this server process waiting. */
function clearing(pool: Pool, run: string, token: number, pid: number): { stop(): void; ended: Promise<string[][]> } {
  const stopped = new AbortController();
  const clear = async () => {
    const ended: string[][] = [];
    for (;;) {
      await delay(LOOK_EVERY, undefined, { signal: stopped.signal }).catch(() => {});
      if (stopped.signal.aborted) return ended;
      const { rows } = await pool.query<{ pids: number[] }>('select pg_blocking_pids($1) as pids', [pid]);
      ended.push(...(await endEarlier(pool, run, token, rows[0]?.pids ?? [])).rows);
    }
  };
  // That nobody could be ended shows in the wait.
  return { stop: () => stopped.abort(), ended: clear().catch(() => []) };
}

/** The marker that the fence of a run was made with; undefined where there is none. */
export async function markerOf(on: Queryable, run: string): Promise<string | undefined> {
  if (!(await houseStands(on))) return undefined;
  const { rows } = await on.query<{ marker: string }>('select marker from middlewatch.fence where run = $1', [run]);
  return rows[0]?.marker;
}

/** Holds the fence until the transaction ends; outside of one, only looks at it. @throws FenceLost */
export async function holdFence(client: Queryable, { run, token }: FenceToken): Promise<void> {
  const { rows } = await client.query<{ token: string }>(
    'select token from middlewatch.fence where run = $1 for share',
    [run],
  );
  if (Number(rows[0]?.token) !== token) throw fenceLost();
}

function fenceLost(): FenceLost {
  return new FenceLost(
    'A later conductor has taken this run over.',
    'This one stops; look at the run with `runbook status`.',
  );
}

function otherJournal(run: string): OtherJournal {
  return new OtherJournal(
    `A run named ${run} has worked on this database already, and its journal is another one.`,
    `Carry that one on, from where its journal is (another machine, --journal, or XDG_STATE_HOME). If that is lost for good, \`update middlewatch.fence set journal = null where run = '${run}'\` in the database lets this run go on from what was committed.`,
  );
}
