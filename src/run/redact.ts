const COVER = '••••';

/** Takes known secrets out of text that is shown, journaled or reported. */
export interface Redactor {
  /** Adds a secret; nothing happens when there is none. */
  hide(secret: string | undefined): void;
  redact(text: string): string;
}

/** Names of variables whose values are secret by nature. */
const SECRET_NAME = /PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIAL/i;

/**
 * Knows the environment's secrets: the values of variables named like one, and the passwords inside URLs. A value of
 * fewer than four characters is left alone, because covering every `a` in a text hides nothing and ruins everything.
 */
export function redactor(env: Record<string, string | undefined>): Redactor {
  const secrets = new Set<string>();
  const hide = (secret: string | undefined) => {
    if (secret === undefined || secret.length < 4) return;
    secrets.add(secret);
    secrets.add(encodeURIComponent(secret));
  };
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue;
    if (SECRET_NAME.test(name)) hide(value);
    const inside = /^[a-z][a-z0-9+.-]*:\/\/[^/@\s]*?:([^@\s]+)@/i.exec(value)?.[1];
    hide(inside);
    if (inside !== undefined) hide(decoded(inside));
  }
  return {
    hide,
    redact: (text) =>
      [...secrets].sort((a, b) => b.length - a.length).reduce((rest, secret) => rest.replaceAll(secret, COVER), text),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
