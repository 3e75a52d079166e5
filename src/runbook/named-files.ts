import type { Path } from './yaml-text.ts';

/** A file the runbook names, and where it does. */
export interface NamedFile {
  file: string;
  path: Path;
}

/** The parts of a runbook that name files, and the keys that do: kept apart from the schema, to work on a broken document too. */
const PARTS = ['audiences', 'prepare', 'timeline', 'after', 'rollback'];
const KEYS = new Set([
  'sql',
  'file',
  'files',
  'remaining',
  'actors',
  'hold',
  'own',
  'row',
  'sample',
  'misplaced',
  'needed',
  'evidence',
  'export',
]);
/** Keys of maps from a name to a file; what else goes by these keys is a list. */
const MAPS = new Set(['samples', 'prepare']);
const FREE = new Set(['vars', 'headers', 'body', 'capture', 'may', 'except']);

/** Every file named by the document, valid or not: by steps, audiences, and the `policies` of a list's items. */
export function namedFiles(document: unknown): NamedFile[] {
  if (!isMap(document)) return [];
  const ofParts = PARTS.flatMap((part) => walk(document[part], [part]));
  const lists = isMap(document.lists) ? Object.entries(document.lists) : [];
  const ofItems = lists.flatMap(([list, items]) =>
    (Array.isArray(items) ? items : []).flatMap((item: unknown, i) =>
      isMap(item) ? words(item.policies, ['lists', list, i, 'policies']) : [],
    ),
  );
  return [...ofParts, ...ofItems];
}

function walk(value: unknown, path: Path): NamedFile[] {
  if (Array.isArray(value)) return value.flatMap((each: unknown, i) => walk(each, [...path, i]));
  if (!isMap(value)) return [];
  return Object.entries(value).flatMap(([key, each]) => {
    if (FREE.has(key)) return [];
    if (MAPS.has(key) && isMap(each)) {
      return Object.entries(each).flatMap(([name, file]) => words(file, [...path, key, name]));
    }
    return KEYS.has(key) ? words(each, [...path, key]) : walk(each, [...path, key]);
  });
}

function words(value: unknown, path: Path): NamedFile[] {
  if (Array.isArray(value)) return value.flatMap((each: unknown, i) => words(each, [...path, i]));
  return typeof value === 'string' && value !== '' ? [{ file: value, path }] : [];
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
