import type { Queryable } from './ask.ts';
import { Standby, sqlState, WrongTarget } from './errors.ts';

/** The database a run is bound to, told apart from every copy of it that is not the same. */
export interface Identity {
  /** The cluster's system identifier; where this role may not read it, so much as tells databases of one server apart. */
  system: string;
  database: string;
  role: string;
  version: string;
  /** Grows with every promotion. */
  timeline: number;
}

/**
 * Who is at the other end.
 * @throws Standby, or WrongTarget when it takes no writes from us
 */
export async function identify(on: Queryable): Promise<Identity> {
  const { rows } = await on.query<{
    database: string;
    role: string;
    version: string;
    standby: boolean;
    closed: boolean;
  }>(
    `select current_database() as database, current_user as role, current_setting('server_version') as version,
            pg_is_in_recovery() as standby, current_setting('default_transaction_read_only') = 'on' as closed`,
  );
  const [base] = rows;
  if (base === undefined || base.standby) {
    throw new Standby('This server is a standby: it takes no writes.', 'Connect to the primary.');
  }
  if (base.closed) {
    throw new WrongTarget(
      'This database takes no writes from this role: default_transaction_read_only is on.',
      'Find out why somebody has set it (for the role, the database, the server, or in PGOPTIONS) before turning it off.',
    );
  }
  const { database, role, version } = base;
  return { database, role, version, ...(await cluster(on)) };
}

async function cluster(on: Queryable): Promise<{ system: string; timeline: number }> {
  // The control file names the new timeline only some time after a promotion; the WAL that is written now does at once.
  const { rows } = await on.query<{ timeline: number; database: string }>(
    `select ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int as timeline,
            format('not readable; database %s', oid) as database
       from pg_database where datname = current_database()`,
  );
  const { timeline = 0, database = '' } = rows[0] ?? {};
  try {
    const { rows } = await on.query<{ system: string }>(
      'select system_identifier::text as system from pg_control_system()',
    );
    return { system: rows[0]?.system ?? database, timeline };
  } catch (error) {
    if (sqlState(error) !== '42501') throw error;
    return { system: database, timeline };
  }
}
