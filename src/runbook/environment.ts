import type { Runbook } from './plan.ts';
import { placeholders } from './template.ts';

/** Variables of the environment that a runbook will want, and that are not set: those it names, and where mails go out. */
export function unset(
  { document }: Pick<Runbook, 'document'>,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  const named = placeholders(JSON.stringify(document)).flatMap((path) => /^env\.(\w+)$/.exec(path)?.[1] ?? []);
  const mails = Object.values(document.messages).some((message) => 'mail' in message);
  return [...new Set([...(mails ? ['SMTP_URL'] : []), ...named])].filter((name) => !env[name]);
}
