import { type Range, secretFinder } from './secret-forms.ts';

const COVER = '••••';

/** A shorter value is left alone: covering every `a` in a text hides nothing and ruins everything. */
const SHORTEST = 4;

/** Takes known secrets out of text that is shown, journaled or reported, in whatever form they are there. */
export interface Redactor {
  /** Adds a secret; nothing happens when there is none. */
  hide(secret: string | undefined): void;
  redact(text: string): string;
}

/** Names of variables whose values are secret by nature. */
const SECRET_NAME =
  /PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|(?:PRIVATE|ACCESS|SIGNING)_?KEY|CREDENTIAL|(?:^|_)PASS$/i;

/** Passwords that stand within a value: of a URL's authority or query, or of a connection string. */
function* passwordsIn(value: string): Generator<string> {
  for (const [, authority = ''] of value.matchAll(/[a-z][a-z0-9+.-]*:\/\/([^/?#\s]+)@/gi)) {
    const at = authority.indexOf(':');
    if (at < 0) continue;
    yield authority.slice(at + 1);
    // A second URL may stand behind the first one.
    yield authority.slice(at + 1).split('@')[0] ?? '';
  }
  for (const [, quoted, plain] of value.matchAll(
    /(?:password|sslpassword|passwd|token)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|([^\s&'"]+))/gi,
  )) {
    yield quoted === undefined ? (plain ?? '') : quoted.replace(/\\(.)/g, '$1');
  }
}

/** Knows the environment's secrets: the values of variables named like one, and the passwords inside URLs and the like. */
export function redactor(env: Record<string, string | undefined>): Redactor {
  const secrets = new Set<string>();
  let finder: ReturnType<typeof secretFinder> | undefined;
  const add = (secret: string) => {
    if (secret.trim().length < SHORTEST || secrets.has(secret)) return;
    secrets.add(secret);
    finder = undefined;
  };
  const find = (text: string): Range[] => {
    if (secrets.size === 0) return [];
    finder ??= secretFinder([...secrets]);
    return finder(text);
  };
  const hide = (secret: string | undefined) => {
    if (secret === undefined) return;
    add(secret);
    add(decoded(secret));
    // Of a key, each line is worth covering, too; its head and foot are not.
    for (const line of secret.split(/\r?\n/)) if (!line.startsWith('-----') && line !== secret) add(line);
  };
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue;
    if (SECRET_NAME.test(name)) hide(value);
    for (const inside of passwordsIn(value)) hide(inside);
  }
  const redact = (text: string) => {
    let shown = '';
    let at = 0;
    for (const { from, to } of find(text)) {
      shown += text.slice(at, from) + COVER;
      at = to;
    }
    return at === 0 ? text : shown + text.slice(at);
  };
  return {
    hide,
    redact,
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
