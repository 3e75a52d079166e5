import type { PoolClient } from 'pg';
import { asking, type JournalDatabase } from './database.ts';
import { JournalFailed, UnknownFormat } from './journal.ts';

/** The layout below, to be counted up with any change of it. Another is not touched. */
const FORMAT = 4;

const SCHEMA = `
  create schema middlewatch_journal;
  create table middlewatch_journal.format (version integer primary key);
  insert into middlewatch_journal.format values (${FORMAT});
  create table middlewatch_journal.lease (
    run text primary key, token integer not null default 0, host text not null default '', pid integer not null default 0,
    started text not null default '', renewed timestamptz not null default now(), released boolean not null default true
  );
  create table middlewatch_journal.record (
    run text not null references middlewatch_journal.lease, seq integer not null, at bigint not null,
    prev text not null, hash text not null, event text not null, primary key (run, seq)
  );
  create table middlewatch_journal.pulse (
    run text not null references middlewatch_journal.lease, step text not null, body text not null, primary key (run, step)
  );
  create table middlewatch_journal.delivery (
    run text not null references middlewatch_journal.lease, message_id text not null, fate text not null,
    primary key (run, message_id)
  );
  create table middlewatch_journal.presence (
    run text not null references middlewatch_journal.lease, terminal text not null, said integer not null,
    primary key (run, terminal)
  );
`;

/** Two that make the schema at once do it one after the other. The number is any that nobody else would use. */
const ONE_AT_A_TIME = 'select pg_advisory_xact_lock(7305808869230013517)';

/** Whether the schema is there. @throws JournalFailed when it is not one that this program knows */
async function isMade(client: PoolClient, where: string): Promise<boolean> {
  const { rows: found } = await client.query<{ made: boolean }>(
    `select to_regclass('middlewatch_journal.format') is not null as made`,
  );
  if (!found[0]?.made) return false;
  const { rows } = await client.query<{ version: number }>('select version from middlewatch_journal.format');
  const other = rows.find(({ version }) => version !== FORMAT);
  if (other !== undefined || rows.length === 0) throw new UnknownFormat(where, other?.version ?? 'none');
  return true;
}

/** The runs of a database that keeps journals. @throws JournalFailed */
export interface PostgresRuns {
  /** Makes the journal of a run that is about to be opened, or leaves the one that is there. */
  make(run: string): Promise<void>;
  /** The names of the runs that have been opened, the last one first. */
  names(): Promise<string[]>;
  close(): Promise<void>;
}

export function postgresRuns(database: JournalDatabase): PostgresRuns {
  const { where } = database;
  const { patiently, transaction, close } = asking(database);
  return {
    make: (run) =>
      transaction(async (client) => {
        await client.query(ONE_AT_A_TIME);
        if (!(await isMade(client, where))) {
          const { rows } = await client.query<{ server_encoding: string }>('show server_encoding');
          const encoding = rows[0]?.server_encoding;
          if (encoding !== 'UTF8')
            throw new JournalFailed(where, `has the encoding ${encoding}. Use one that has UTF8.`);
          await client.query(SCHEMA);
        }
        await client.query('insert into middlewatch_journal.lease (run) values ($1) on conflict do nothing', [run]);
      }),
    names: () =>
      patiently(async (client) => {
        if (!(await isMade(client, where))) return [];
        const { rows } = await client.query<{ run: string }>(
          'select run from middlewatch_journal.record where seq = 1 order by at desc, run',
        );
        return rows.map(({ run }) => run);
      }),
    close,
  };
}
