import type { Queryable } from './ask.ts';

/** A standby as the primary sees it. */
export interface Replica {
  name: string;
  /** How far behind it is, in ms; null when this role is not shown (see pg_monitor). */
  lagMs: number | null;
}

/** What one look at a server that is in use shows. */
export interface Load {
  /** Since the look before; null at the first one. */
  walBytesPerSecond: number | null;
  replicas: Replica[];
  /** Sessions of others that wait for a lock one of ours holds. */
  waiters: number;
  /** Tables, of those asked about, that a vacuum is at work on. */
  vacuumed: string[];
}

/** How much of the past is remembered to tell how old a position in the WAL is, in looks. */
const REMEMBERED = 1_800;

/**
 * One query for all of it, which every role may ask. Progress of another role's vacuum does not name its table, but the
 * lock it holds does. Subscribers of logical replication are no standbys: nobody reads from them what was just written.
 */
const LOOK = `
with ours as (
  select array_agg(pid) as pids from pg_stat_activity
   where usename = session_user and application_name = current_setting('application_name')),
standby as (
  select coalesce(nullif(application_name, ''), 'a standby') as name, state is not null as seen,
         (replay_lsn - '0/0')::float8 as replayed, extract(epoch from replay_lag)::float8 * 1000 as lag
    from pg_stat_replication r
   where not exists (select from pg_replication_slots where active_pid = r.pid and slot_type = 'logical')
     -- Neither a backup nor an archiver replays anything.
     and (state is null or replay_lsn is not null))
select extract(epoch from clock_timestamp())::float8 * 1000 as at,
       (pg_current_wal_lsn() - '0/0')::float8 as wal,
       (select coalesce(json_agg(standby), '[]') from standby) as standbys,
       (select count(distinct w.pid) from pg_locks w, ours
         where not w.granted and w.pid <> all (ours.pids) and pg_blocking_pids(w.pid) && ours.pids)::int as waiters,
       array(select distinct relation::regclass::text from pg_locks join pg_stat_progress_vacuum using (pid)
              where locktype = 'relation' and mode = 'ShareUpdateExclusiveLock' and granted
                and database = (select oid from pg_database where datname = current_database())
                and relation in (select to_regclass(name) from unnest($1::text[]) as name)) as vacuumed`;

interface Look {
  at: number;
  wal: number;
  standbys: { name: string; seen: boolean; replayed: number; lag: number | null }[];
  waiters: number;
  vacuumed: string[];
}

/** Looks at a server again and again. */
export class LoadGauge {
  readonly #tables: string[];
  #past: { at: number; wal: number }[] = [];

  /** @param tables quoted names */
  constructor(tables: string[]) {
    this.#tables = tables;
  }

  async look(on: Queryable): Promise<Load> {
    const { rows } = await on.query<Look>(LOOK, [this.#tables]);
    const [now] = rows;
    if (now === undefined) throw new Error('A look at the server shows nothing.');
    const before = this.#past.at(-1);
    this.#past.push({ at: now.at, wal: now.wal });
    if (this.#past.length > REMEMBERED) this.#past.shift();
    return {
      walBytesPerSecond:
        before === undefined ? null : ((now.wal - before.wal) * 1_000) / Math.max(1, now.at - before.at),
      replicas: now.standbys.map((standby) => ({
        name: standby.name,
        lagMs: standby.seen ? this.#lagMs(standby, now) : null,
      })),
      waiters: now.waiters,
      vacuumed: now.vacuumed,
    };
  }

  /**
   * For how long at least the primary has been further than a standby. What the server itself says of it stands still when
   * replay does (`replay_lag` is measured when something is replayed), so it counts only where it says more.
   */
  #lagMs({ replayed, lag }: Look['standbys'][number], { at, wal }: Look): number {
    if (replayed >= wal) return 0;
    const passed = this.#past.find((then) => then.wal > replayed);
    return Math.round(Math.max(lag ?? 0, passed === undefined ? 0 : at - passed.at));
  }
}
