import { openPool } from '../postgres/connect.ts';

/**
 * Addresses by a query of the runbook in the target database, on a connection of its own, so that a long step does not hold
 * up the mail. @throws ConnectionFailed, WrongTarget
 */
export async function queryAudience(sql: string): Promise<string[]> {
  const pool = await openPool(process.env, { application: 'middlewatch mail', max: 1 });
  try {
    const { rows } = await pool.query<unknown[]>({ text: sql, rowMode: 'array' });
    return rows.flatMap(([address]) => (address === null ? [] : [String(address)]));
  } finally {
    await pool.end();
  }
}
