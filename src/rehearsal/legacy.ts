import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import pg from 'pg';

/** Roles that can log in to a legacy database, by the words for them here. */
const LOGINS = { operator: 'postgres', application: 'authenticator', signIn: 'supabase_auth_admin' } as const;

/** What a program connects with. */
export interface Login {
  user: string;
  password: string;
}

/**
 * `operator` is the role a customer of Supabase migrates with, no superuser; `application` acts for users under row-level
 * security; `signIn` keeps the accounts.
 */
export type Logins = Record<keyof typeof LOGINS, Login>;

/** The user that probes sign in as. */
export const PROBE = 'probe@example.com';

/** Makes the roles of a Supabase-like server, once for all its databases, each login with a random password. */
export async function createRoles(superuser: pg.ClientBase): Promise<Logins> {
  await superuser.query(await sql('roles'));
  const login = async (user: string): Promise<Login> => {
    const password = randomBytes(24).toString('base64url');
    await superuser.query(`alter role ${pg.escapeIdentifier(user)} password ${pg.escapeLiteral(password)}`);
    return { user, password };
  };
  return {
    operator: await login(LOGINS.operator),
    application: await login(LOGINS.application),
    signIn: await login(LOGINS.signIn),
  };
}

export interface LegacySize {
  /** How many orders there are; other tables in proportion, one user for every 200, 20 at least. */
  rows: number;
  /** The password of every user. */
  password: string;
}

/** Lays out the legacy application's tables, policies and rows in the fresh database `superuser` is connected to. */
export async function createLegacy(superuser: pg.ClientBase, { rows, password }: LegacySize): Promise<void> {
  await adoptDatabase(superuser);
  await superuser.query('set statement_timeout = 0');
  await superuser.query("select set_config('legacy.rows', $1, false), set_config('legacy.password', $2, false)", [
    rows,
    password,
  ]);
  for (const file of ['schema', 'policies', 'rows']) await superuser.query(await sql(file));
  await superuser.query('vacuum analyze');
}

/** What a database does not inherit from its template: owner, and the hosting side's limits and search path. */
export async function adoptDatabase(superuser: pg.ClientBase): Promise<void> {
  const { rows } = await superuser.query<{ name: string }>('select quote_ident(current_database()) as name');
  const database = rows[0]?.name;
  await superuser.query(`
    alter database ${database} owner to postgres;
    alter database ${database} set statement_timeout = '2min';
    alter database ${database} set search_path = "$user", public, extensions`);
}

const sql = (name: string): Promise<string> => readFile(new URL(`./legacy/${name}.sql`, import.meta.url), 'utf8');
