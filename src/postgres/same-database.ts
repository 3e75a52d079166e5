import { randomBytes } from 'node:crypto';
import type { Pool } from 'pg';

/**
 * Whether two connections lead to one database of one running server, by whatever names and as whatever roles: a lock that
 * is taken on one is seen to be taken on the other. Needs no privileges, unlike the system identifier, which besides is the
 * same in every physical copy.
 */
export async function sameDatabase(a: Pool, b: Pool): Promise<boolean> {
  const key = randomBytes(8).readBigInt64BE().toString();
  const [holder, asker] = [await a.connect(), await b.connect()];
  try {
    await holder.query('begin');
    await holder.query('select pg_advisory_xact_lock($1)', [key]);
    const { rows } = await asker.query<{ free: boolean }>('select pg_try_advisory_xact_lock($1) as free', [key]);
    return !rows[0]?.free;
  } finally {
    await holder.query('rollback').catch(() => undefined);
    holder.release();
    asker.release();
  }
}
