import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ConnectionFailed } from './errors.ts';

export type Environment = Record<string, string | undefined>;

/** As libpq has them. */
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

/** Where the database is, and as whom. */
export interface Coordinates {
  host: string;
  port: number;
  user: string;
  database: string;
  password: string | undefined;
  sslmode: SslMode;
  sslrootcert: string | undefined;
}

type Given = Partial<Record<'host' | 'port' | 'user' | 'dbname' | 'password' | 'sslmode' | 'sslrootcert', string>>;

function fromUrl(text: string): Given {
  const decoded = (part: string) => (part === '' ? undefined : decodeURIComponent(part));
  try {
    const url = new URL(text);
    return defined({
      host: decoded(url.hostname.replace(/^\[(.*)\]$/, '$1')),
      port: decoded(url.port),
      user: decoded(url.username),
      password: decoded(url.password),
      dbname: decoded(url.pathname.slice(1)),
      ...Object.fromEntries(url.searchParams),
    });
  } catch {
    // The cause would carry the text, and the text a password.
    throw new ConnectionFailed(
      'DATABASE_URL is not a URL.',
      'Write it as postgres://user@host:5432/database, other signs as %XX, and keep the password in PGPASSWORD or ~/.pgpass.',
    );
  }
}

function fromService(name: string, env: Environment): Given {
  const path =
    env.PGSERVICEFILE ??
    (env.PGSYSCONFDIR ? join(env.PGSYSCONFDIR, 'pg_service.conf') : join(homedir(), '.pg_service.conf'));
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ConnectionFailed(`The service file ${path} cannot be read.`, 'Set PGSERVICEFILE, or unset PGSERVICE.', {
      cause,
    });
  }
  const given: Record<string, string> = {};
  let found = false;
  let inside = false;
  for (const line of text.split(/\r?\n/).map((each) => each.trim())) {
    if (line.startsWith('[')) {
      inside = line === `[${name}]`;
      found ||= inside;
    } else if (inside && line !== '' && !line.startsWith('#')) {
      const [key = '', ...value] = line.split('=');
      given[key.trim()] = value.join('=').trim();
    }
  }
  if (!found) throw new ConnectionFailed(`${path} has no service [${name}].`, 'Correct PGSERVICE.');
  return given;
}

function defined(given: Record<string, string | undefined>): Given {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== ''));
}

function portOf(written: string): number {
  const port = Number(written);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new ConnectionFailed(`“${written}” is no port.`, 'Correct PGPORT, or the port of the URL or service.');
}

/** Any other would be no mode at all, and what was meant to be verified would not be. */
function sslModeOf(written: string): SslMode {
  const mode = SSL_MODES.find((each) => each === written);
  if (mode !== undefined) return mode;
  throw new ConnectionFailed(
    `“${written}” is no sslmode.`,
    `Make PGSSLMODE, or the sslmode of the URL or service, one of ${SSL_MODES.join(', ')}.`,
  );
}

/**
 * Reads the target from DATABASE_URL, PGSERVICE or the PG* variables, with libpq's defaults.
 * @throws ConnectionFailed when it is not clear which database is meant, or how to reach it
 */
export function coordinates(env: Environment): Coordinates {
  if (env.DATABASE_URL && (env.PGHOST || env.PGSERVICE)) {
    throw new ConnectionFailed(
      `DATABASE_URL and ${env.PGHOST ? 'PGHOST' : 'PGSERVICE'} are both set.`,
      'Unset one of them, so that there is no doubt which database is meant.',
    );
  }
  const variables = defined({
    host: env.PGHOST,
    port: env.PGPORT,
    user: env.PGUSER,
    dbname: env.PGDATABASE,
    password: env.PGPASSWORD,
    sslmode: env.PGSSLMODE,
    sslrootcert: env.PGSSLROOTCERT,
  });
  const given: Given = {
    ...variables,
    ...(env.PGSERVICE ? fromService(env.PGSERVICE, env) : {}),
    ...(env.DATABASE_URL ? fromUrl(env.DATABASE_URL) : {}),
  };
  const user = given.user ?? env.USER ?? 'postgres';
  return {
    host: given.host ?? 'localhost',
    port: portOf(given.port ?? '5432'),
    user,
    database: given.dbname ?? user,
    password: given.password,
    sslmode: sslModeOf(given.sslmode ?? 'prefer'),
    sslrootcert: given.sslrootcert,
  };
}

/** The target as a person would name it, without a password. */
export function whereabouts(at: Coordinates): string {
  return `${at.user}@${at.host}:${at.port}/${at.database}`;
}
