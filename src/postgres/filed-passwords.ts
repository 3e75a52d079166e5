import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Coordinates, Environment } from './coordinates.ts';

/** The text of a file; empty when it cannot be read, for then nobody gets a password from it. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const FIELD = String.raw`((?:\\.|[^:\\])*)`;
const ENTRY = new RegExp(`^${[FIELD, FIELD, FIELD, FIELD, FIELD].join(':')}`);

/**
 * The entries of a password file: host, port, database, user and password.
 * @see https://www.postgresql.org/docs/17/libpq-pgpass.html
 */
export function entriesOf(text: string): string[][] {
  return text.split(/\r?\n/).flatMap((line) => {
    const [, ...fields] = line.startsWith('#') ? [] : (ENTRY.exec(line) ?? []);
    return fields.at(-1) ? [fields.map((field) => field.replace(/\\(.)/g, '$1'))] : [];
  });
}

const passwordFile = ({ PGPASSFILE }: Environment) => PGPASSFILE ?? join(homedir(), '.pgpass');

/** Whether only its owner may read a file; another one is passed over, as libpq does. */
const ownersOnly = (path: string) => existsSync(path) && (statSync(path).mode & 0o077) === 0;

/** The password that the password file has for a connection: that of the first entry that fits. */
export function filedPassword({ host, port, database, user }: Coordinates, env: Environment): string | undefined {
  const path = passwordFile(env);
  const wanted = [host.startsWith('/') ? 'localhost' : host, String(port), database, user];
  const entries = ownersOnly(path) ? entriesOf(textOf(path)) : [];
  return entries.find((entry) => wanted.every((it, at) => entry[at] === '*' || entry[at] === it))?.at(-1);
}

/** Every password that a connection of libpq's kind may take from a file: those of the password file and of the services. */
export function filedPasswords(env: Environment): string[] {
  const services =
    env.PGSERVICEFILE ?? join(env.PGSYSCONFDIR ?? homedir(), env.PGSYSCONFDIR ? 'pg_service.conf' : '.pg_service.conf');
  return [
    ...entriesOf(textOf(passwordFile(env))).map((entry) => entry.at(-1) ?? ''),
    ...[...textOf(services).matchAll(/^\s*(?:ssl)?password\s*=\s*(.*?)\s*$/gm)].map(([, password = '']) => password),
  ];
}
