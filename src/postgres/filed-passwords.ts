import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from './coordinates.ts';

/** The text of a file; empty when it cannot be read, for then nobody gets a password from it. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The passwords of a password file. @see https://www.postgresql.org/docs/17/libpq-pgpass.html */
export function passwordsOfFile(text: string): string[] {
  return text.split(/\r?\n/).flatMap((line) => {
    if (line.startsWith('#')) return [];
    const [, password] = /^(?:(?:\\.|[^:\\])*:){4}(.*)$/.exec(line) ?? [];
    return password ? [password.replace(/\\(.)/g, '$1')] : [];
  });
}

/** Every password that a connection of libpq's kind may take from a file: those of the password file and of the services. */
export function filedPasswords(env: Environment): string[] {
  const services =
    env.PGSERVICEFILE ?? join(env.PGSYSCONFDIR ?? homedir(), env.PGSYSCONFDIR ? 'pg_service.conf' : '.pg_service.conf');
  return [
    ...passwordsOfFile(textOf(env.PGPASSFILE ?? join(homedir(), '.pgpass'))),
    ...[...textOf(services).matchAll(/^\s*(?:ssl)?password\s*=\s*(.*?)\s*$/gm)].map(([, password = '']) => password),
  ];
}
