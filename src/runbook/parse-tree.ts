import { within } from './sql-parser.ts';

/** A relation of a parse tree as a person would write it; empty when there is none. */
export function relation(node: unknown): string {
  const parts = [within(node, 'schemaname'), within(node, 'relname')];
  return nameOf(parts.filter((part): part is string => typeof part === 'string'));
}

/** The parts of a name, quoted where they have to be; the schema `public` is left out. */
export const nameOf = (parts: string[]): string =>
  (parts.length > 1 && parts[0] === 'public' ? parts.slice(1) : parts)
    .map((part) => (/^[a-z_][a-z0-9_$]*$/.test(part) ? part : `"${part.replaceAll('"', '""')}"`))
    .join('.');

/** The nodes of a list; none when there is no such part. */
export const list = (node: unknown, ...path: (string | number)[]): unknown[] => {
  const found = within(node, ...path);
  return Array.isArray(found) ? found : [];
};
/** The texts of string nodes; others are left out. */
export const strings = (items: unknown[]): string[] =>
  items.flatMap((item) => {
    const text = within(item, 'String', 'sval');
    return typeof text === 'string' ? [text] : [];
  });
