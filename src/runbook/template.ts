/** What placeholders may refer to: `{{settings.docs}}` is `scope.settings.docs`. */
export interface Scope {
  [name: string]: string | number | Scope;
}

const PLACEHOLDER = /\{\{\s*([\w.-]+)\s*\}\}/g;

/** A placeholder that names nothing. `path` is what stood between the braces. */
export class UnknownPlaceholder extends Error {
  readonly path: string;
  constructor(path: string) {
    super(`{{${path}}} names nothing that is known here`);
    this.name = 'UnknownPlaceholder';
    this.path = path;
  }
}

/** The dotted paths a text refers to, in order. */
export function placeholders(text: string): string[] {
  return [...text.matchAll(PLACEHOLDER)].map((match) => match[1] ?? '');
}

/** Braces that look like the beginning of a placeholder and are none: `{{window.date}`, `{{ window date }}`. */
export function strayBraces(text: string): string | undefined {
  return /\{\{.*/.exec(text.replace(PLACEHOLDER, ' '))?.[0];
}

/**
 * Replaces `{{path}}` by its value. What is filled in is not looked at again.
 * @param missing `keep` leaves an unknown placeholder as it stands; `throw` is the default
 * @throws UnknownPlaceholder
 */
export function fill(text: string, scope: Scope, missing: 'throw' | 'keep' = 'throw'): string {
  return text.replace(PLACEHOLDER, (whole, path: string) => {
    let value: string | number | Scope | undefined = scope;
    for (const key of path.split('.')) {
      value = typeof value === 'object' && Object.hasOwn(value, key) ? value[key] : undefined;
    }
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    if (missing === 'keep') return whole;
    throw new UnknownPlaceholder(path);
  });
}

/** What `{{lists.name}}` stands for in the vars of a step: all its items, for SQL that looks at them together. */
export function asJson(lists: Record<string, unknown[]>): Record<string, string> {
  return Object.fromEntries(Object.entries(lists).map(([name, items]) => [name, JSON.stringify(items)]));
}
