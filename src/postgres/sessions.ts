import { hash } from 'node:crypto';
import { ask, type Queryable, type Table } from './ask.ts';

/** PostgreSQL keeps so many bytes of an application_name. */
const KEPT = 63;

/** Characters of it that are for the run; the rest are for what stands before it, and a token of four digits. */
const OF_THE_RUN = 39;

/** The name of a run, or so much of it as fits and a hash: those of one runbook differ only at their end. */
function shortName(run: string): string {
  if (run.length <= OF_THE_RUN) return run;
  const digest = hash('sha256', run).slice(0, 8);
  return `${run.slice(0, OF_THE_RUN - digest.length - 1)}~${digest}`;
}

/**
 * How the sessions of a conductor are called on the server (`application_name`), so that the next one can tell them from
 * its own. `alone`: they are at work outside any transaction, on what goes on without the conductor.
 */
export function sessionName(run: string, token: number, alone = false): string {
  return `middlewatch #${token}${alone ? ' alone' : ''} ${shortName(run)}`.slice(0, KEPT);
}

/** Sessions of the conductors before this one; `$1` is the run's short name, `$2` its own token. */
const EARLIER = `
  select activity.*, sign.token, sign.alone <> '' as alone
    from pg_catalog.pg_stat_activity as activity,
         lateral (select (found)[1] as token, (found)[2] as alone
                    from regexp_match(application_name, '^middlewatch #(\\d+)( alone)? ') as found) as sign
   where datname = current_database() and sign.token::bigint < $2
     and application_name = left(format('middlewatch #%s%s %s', sign.token, sign.alone, $1::text), ${KEPT})`;

/**
 * Ends the sessions of earlier conductors but those that are at work alone: what their transactions have done can be
 * committed by nobody any more. One that is being committed at this very moment is left to it.
 * @param among only those of these server processes
 * @returns those that had a transaction open
 */
export async function endEarlier(on: Queryable, run: string, token: number, among?: number[]): Promise<Table> {
  // Chosen before the first is ended: in a WHERE, the server might well begin with the function.
  const ended = await ask(
    on,
    `with chosen as materialized (
       select * from (${EARLIER}) as earlier
        where not (alone and state = 'active') and not (state = 'active' and query ~* '^\\s*(commit|end)\\M')
          and ($3::int[] is null or pid = any ($3)))
     select pid::text, coalesce(state, 'cannot tell') as state, date_trunc('second', xact_start)::text as since,
            left(query, 200) as query, pg_terminate_backend(pid) as ended
       from chosen order by pid`,
    [shortName(run), token, among ?? null],
  );
  const rows = ended.rows.filter(([, , since]) => since !== 'null').map((row) => row.slice(0, -1));
  return { columns: ended.columns.slice(0, -1), rows };
}

/** A session that an earlier conductor has left at work on its own. */
export interface LeftAtWork {
  pid: number;
  query: string;
}

/** What earlier conductors have left at work outside any transaction: it goes on without them, and is waited for. */
export async function leftAtWork(on: Queryable, run: string, token: number): Promise<LeftAtWork[]> {
  const { rows } = await on.query<LeftAtWork>(
    `select pid, left(query, 200) as query from (${EARLIER}) as earlier where alone and state = 'active' order by pid`,
    [shortName(run), token],
  );
  return rows;
}
