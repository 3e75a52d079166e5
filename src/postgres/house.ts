import type { Pool } from 'pg';
import type { Queryable } from './ask.ts';
import { Blocked, FenceLost, sqlState } from './errors.ts';

/**
 * What the program keeps in the target, in a schema of its own: who conducts (fence), what was committed (ledger), how
 * far backfills got (cursor), what was there before (snapshot), what the application changes meanwhile (touched).
 */
const HOUSE = `
create schema if not exists middlewatch;
revoke all on schema middlewatch from public;
create table if not exists middlewatch.fence (
  run text primary key,
  token bigint not null);
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
`;

/** How long a new conductor waits for the transactions of the one before it, in ms; twice what those may idle. */
const FENCE_TIMEOUT = 30_000;

/**
 * Makes the schema on first need, and takes the fence. Waits for transactions of an earlier conductor that are still
 * under way; those that come later fail.
 * @throws FenceLost when a later conductor has been here
 * @throws Blocked when an earlier one's transaction does not end
 */
export async function takeFence(pool: Pool, run: string, token: number): Promise<void> {
  const { rows } = await pool.query<{ there: boolean }>(
    "select to_regclass('middlewatch.touched') is not null as there",
  );
  if (rows[0]?.there !== true) await pool.query(HOUSE);
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query("select set_config('lock_timeout', $1, true)", [String(FENCE_TIMEOUT)]);
    const taken = await client.query(
      `insert into middlewatch.fence as fence (run, token) values ($1, $2)
       on conflict (run) do update set token = excluded.token where fence.token <= excluded.token`,
      [run, token],
    );
    if (taken.rowCount === 0) throw fenceLost();
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback').catch(() => {});
    if (sqlState(cause) !== '55P03') throw cause;
    throw new Blocked(
      'A transaction of an earlier conductor of this run is still under way.',
      `Wait for it, or end its session (application_name "middlewatch ${run}" in pg_stat_activity); then start again.`,
      { cause },
    );
  } finally {
    client.release();
  }
}

/** Holds the fence until the transaction ends. @throws FenceLost */
export async function holdFence(client: Queryable, run: string, token: number): Promise<void> {
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
