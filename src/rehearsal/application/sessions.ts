import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Logins } from '../legacy.ts';

/** Where the application's database is. */
export interface Place {
  host: string;
  port: number;
  database: string;
}

/** The application's ways into its database: for users, under row-level security, and for the sign-in service. */
export interface Sessions {
  /** Does something as this user, in a transaction; as a real application would, once more when a lock was in the way. */
  asUser<T>(user: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  /** @returns a token, or null when address and password do not go together */
  signIn(email: string, password: string): Promise<string | null>;
  /** @returns a token, or null when the address is taken */
  signUp(email: string, password: string, name: string): Promise<string | null>;
  /** The user that holds this token. */
  holder(token: string): string | undefined;
  signOut(user: string): void;
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Errors that a second try may well not meet: serialization_failure, deadlock_detected, lock_not_available. */
const PASSING = new Set(['40001', '40P01', '55P03']);

export function openSessions(place: Place, logins: Logins): Sessions {
  const application = new pg.Pool({ ...place, ...logins.application, max: 8, application_name: 'legacy application' });
  const accounts = new pg.Pool({ ...place, ...logins.signIn, max: 2, application_name: 'legacy sign-in' });
  // The server may end a session, idle or lent out between two statements; the next query says so, the pool replaces it.
  for (const pool of [application, accounts]) {
    pool.on('error', () => undefined);
    pool.on('connect', (client) => client.on('error', () => undefined));
  }
  const holders = new Map<string, string>();

  const tokenFor = (user: string): string => {
    const token = randomBytes(24).toString('base64url');
    holders.set(token, user);
    return token;
  };

  const once = async <T>(user: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
    const client = await application.connect();
    let broken: Error | undefined;
    try {
      await client.query('begin; set local role authenticated');
      const claims = JSON.stringify({ sub: user, role: 'authenticated' });
      await client.query("select set_config('request.jwt.claims', $1, true)", [claims]);
      const result = await work(client);
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback').catch((cause: Error) => {
        broken = cause;
      });
      throw error;
    } finally {
      client.release(broken);
    }
  };

  return {
    async asUser(user, work) {
      try {
        return await once(user, work);
      } catch (error) {
        if (!(error instanceof pg.DatabaseError) || !PASSING.has(error.code ?? '')) throw error;
        return await once(user, work);
      }
    },
    async signIn(email, password) {
      const { rows } = await accounts.query<{ id: string }>(
        'select id from auth.users where email = $1 and encrypted_password = extensions.crypt($2, encrypted_password)',
        [email, password],
      );
      return rows[0] ? tokenFor(rows[0].id) : null;
    },
    async signUp(email, password, name) {
      const { rows } = await accounts.query<{ id: string }>(
        `insert into auth.users (email, encrypted_password, raw_user_meta_data)
         values ($1, extensions.crypt($2, extensions.gen_salt('bf', 4)), jsonb_build_object('name', $3::text))
         on conflict (email) do nothing returning id`,
        [email, password, name],
      );
      return rows[0] ? tokenFor(rows[0].id) : null;
    },
    holder: (token) => holders.get(token),
    signOut(user) {
      for (const [token, holder] of holders) if (holder === user) holders.delete(token);
    },
    async ping() {
      await application.query('select');
    },
    async close() {
      await Promise.all([application.end(), accounts.end()]);
    },
  };
}
