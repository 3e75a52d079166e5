import { filedPasswords } from '../postgres/filed-passwords.ts';
import { type Redactor, redactor } from '../run/redact.ts';

/** Knows the secrets this process has: of its environment, and of the files that passwords are kept in. */
export function secretsOf(env: NodeJS.ProcessEnv): Redactor {
  const known = redactor(env);
  for (const password of filedPasswords(env)) known.hide(password);
  return known;
}
