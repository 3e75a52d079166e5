import type { Expectation } from '../runbook/step-parts.ts';

/** What there was to see: rows of a query, or exit code and output of a program. */
export interface Seen {
  rows?: string[][];
  exit?: number;
  output?: string;
}

/** What does not hold of an expectation, in words; empty when all of it does. */
export function unmet(expect: Expectation, seen: Seen): string[] {
  const failures: string[] = [];
  const { rows: wanted, value, matches, exit } = expect;
  if (wanted !== undefined) {
    const count = seen.rows?.length ?? 0;
    const { at_least, at_most } = typeof wanted === 'number' ? { at_least: wanted, at_most: wanted } : wanted;
    if (at_least !== undefined && count < at_least) failures.push(`${rowsOf(count)}, expected at least ${at_least}`);
    if (at_most !== undefined && count > at_most) {
      failures.push(`${rowsOf(count)}, expected ${at_most === 0 ? 'none' : `at most ${at_most}`}`);
    }
  }
  if (value !== undefined) failures.push(...unmetValue(value, seen.rows?.[0]?.[0] ?? seen.output?.trim()));
  if (exit !== undefined && seen.exit !== exit) failures.push(`exit code ${seen.exit}, expected ${exit}`);
  if (matches !== undefined) {
    const text = seen.output ?? (seen.rows ?? []).map((row) => row.join('\t')).join('\n');
    if (!new RegExp(matches, 'm').test(text)) failures.push(`nothing matches /${matches}/`);
  }
  return failures;
}

function unmetValue(expect: NonNullable<Expectation['value']>, value: string | undefined): string[] {
  const { equals, at_least, at_most } = expect;
  if (value === undefined) return ['there is no value'];
  const failures: string[] = [];
  if (equals !== undefined && !same(value, equals)) failures.push(`the value is ${value}, expected ${equals}`);
  // A value that is no number meets no bound: NaN compares false. Nothing would be 0.
  const number = value.trim() === '' ? Number.NaN : Number(value);
  if (at_least !== undefined && !(number >= at_least)) {
    failures.push(`the value is ${value}, expected at least ${at_least}`);
  }
  if (at_most !== undefined && !(number <= at_most)) {
    failures.push(`the value is ${value}, expected at most ${at_most}`);
  }
  return failures;
}

function same(value: string, expected: string | number | boolean): boolean {
  switch (typeof expected) {
    case 'number':
      return value.trim() !== '' && Number(value) === expected;
    case 'boolean':
      // psql and the wire say t and f.
      return ['t', 'true'].includes(value) === expected && ['t', 'true', 'f', 'false'].includes(value);
    default:
      return value === expected;
  }
}

/** `1 row`, `2 rows`. */
export const rowsOf = (count: number) => (count === 1 ? '1 row' : `${count} rows`);
