import * as z from 'zod';
import { didYouMean } from './nearest.ts';
import type { Problem } from './problems.ts';
import { brief, shown } from './shown.ts';
import type { Path, YamlText } from './yaml-text.ts';

const TYPES: Record<string, string> = {
  string: 'text',
  array: 'a list',
  object: 'a map of keys',
  record: 'a map of keys',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

function knownKeys(schema: unknown): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** Zod's error map: the part of a problem that the schema knows better than the position does. */
function words(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type': {
      if (issue.input === undefined) return 'is missing';
      const wanted = (TYPES[issue.expected] ?? issue.expected) + among(knownKeys(issue.inst));
      const quote = issue.expected === 'string' && typeof issue.input !== 'object' ? '; put it in quotes' : '';
      return `must be ${wanted}, not ${shown(issue.input)}${quote}`;
    }
    case 'unrecognized_keys':
      return issue.keys
        .map(
          (key) =>
            `'${brief(key)}' is not known here${didYouMean(key, knownKeys(issue.inst)) || known(knownKeys(issue.inst))}`,
        )
        .join('\n');
    case 'invalid_union':
      if (issue.discriminator !== undefined) return noSuchKind(issue);
      return `${shown(issue.input)} is not what can stand here`;
    case 'invalid_value':
      return choice(issue.input, issue.values.map(String));
    case 'invalid_format':
      return issue.format === 'email' ? 'is not a mail address' : undefined;
    case 'too_small':
      if (issue.origin === 'array' || issue.origin === 'string') return 'must not be empty';
      return `must be ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      return `must be ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`;
    default:
      return undefined;
  }
}

const few = (keys: string[]) => keys.length > 0 && keys.length < 12;
const known = (keys: string[]) => (few(keys) ? `; known are ${keys.join(', ')}` : '');
const among = (keys: string[]) => (few(keys) ? ` (${keys.join(', ')})` : '');

function choice(given: unknown, values: string[]): string {
  const may = `${values.length === 1 ? '' : 'one of '}${values.join(', ')}`;
  if (given === undefined) return `is missing; it is ${may}`;
  if (values.length === 1) return `must be ${may}, not ${shown(given)}`;
  const near = typeof given === 'string' ? didYouMean(given, values) : '';
  return `${shown(given)} cannot stand here${near || `; it is ${may}`}`;
}

function noSuchKind(issue: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidUnion>): string {
  const kinds = Array.isArray(issue.options) ? issue.options.map(String) : [];
  const { input, discriminator = 'kind' } = issue;
  const given: unknown = typeof input === 'object' && input !== null ? Reflect.get(input, discriminator) : undefined;
  if (given === undefined) return `is missing; it is one of ${kinds.join(', ')}`;
  return `unknown ${discriminator} ${shown(given)}${didYouMean(String(given), kinds) || `; it is one of ${kinds.join(', ')}`}`;
}

/** Every way in which a value does not fit the schema, each at its place in the text. */
export function fitted<S extends z.ZodType>(
  schema: S,
  yaml: YamlText,
): { data: z.output<S> | undefined; problems: Problem[] } {
  const parsed = schema.safeParse(yaml.value, { error: words, reportInput: true });
  if (parsed.success) return { data: parsed.data, problems: [] };
  // What is of the wrong type may fail other tests too; the first says it.
  const { issues } = parsed.error;
  const first = issues.filter(
    (issue, i) =>
      issues.findIndex(({ path }) => `${path}` === `${issue.path}`) === i || issue.code === 'unrecognized_keys',
  );
  return { data: undefined, problems: first.flatMap((issue) => placed(issue, yaml)) };
}

function placed(issue: z.core.$ZodIssue, yaml: YamlText): Problem[] {
  const path: Path = issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key));
  const name = typeof path.at(-1) === 'string' ? `${path.at(-1)}: ` : '';
  if (issue.code === 'unrecognized_keys') {
    return issue.message.split('\n').map((message, i) => yaml.at([...path, issue.keys[i] ?? ''], message, 'key'));
  }
  if (issue.code === 'invalid_key') {
    return issue.issues.map(({ message }) => yaml.at(path, `${shown(String(path.at(-1)))} ${message}`, 'key'));
  }
  if (issue.code === 'invalid_union' && issue.discriminator === undefined && issue.errors.length > 0) {
    // The branch that got furthest into the value is the one that was meant.
    const meant = issue.errors.toSorted((a, b) => depth(b) - depth(a))[0] ?? [];
    if (depth(meant) > 0)
      return meant.flatMap((each) => placed({ ...each, path: [...issue.path, ...each.path] }, yaml));
    const wanted = issue.errors.flatMap((branch) =>
      branch.map((each) => ('expected' in each ? (TYPES[each.expected] ?? each.expected) : each.message)),
    );
    return [yaml.at(path, `${name}must be ${wanted.join(' or ')}, not ${shown(issue.input)}`)];
  }
  if (issue.code === 'custom' || issue.code === 'invalid_format') {
    const given = typeof issue.input === 'string' ? `${shown(issue.input)} ` : '';
    return [yaml.at(path, `${name}${given}${issue.message}`)];
  }
  return [yaml.at(path, `${name}${issue.message}`)];
}

function depth(issues: z.core.$ZodIssue[]): number {
  return Math.max(0, ...issues.map((each) => each.path.length + (each.code === 'unrecognized_keys' ? 1 : 0)));
}
