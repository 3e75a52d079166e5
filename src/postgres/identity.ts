import type { Queryable } from './ask.ts';
import { sqlState, WrongTarget } from './errors.ts';

/** The database a run is bound to, told apart from every copy of it that is not the same. */
export interface Identity {
  /** The cluster's system identifier; where this role may not read it, so much as tells databases of one server apart. */
  system: string;
  database: string;
  role: string;
  version: string;
  /** Grows with every promotion; 0 when this role may not read it. */
  timeline: number;
}

/**
 * Who is at the other end.
 * @throws WrongTarget when it is a standby, or takes no writes from us
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
    throw new WrongTarget('This server is a standby: it takes no writes.', 'Connect to the primary.');
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
  try {
    const { rows } = await on.query<{ system: string; timeline: number }>(
      `select system_identifier::text as system, (select timeline_id from pg_control_checkpoint()) as timeline
         from pg_control_system()`,
    );
    const [found] = rows;
    if (found !== undefined) return found;
  } catch (error) {
    if (sqlState(error) !== '42501') throw error;
  }
  const { rows } = await on.query<{ system: string }>(
    `select format('not readable; database %s', oid) as system from pg_database where datname = current_database()`,
  );
  return { system: rows[0]?.system ?? '', timeline: 0 };
}
