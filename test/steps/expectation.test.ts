import { expect, it } from 'vitest';
import { expectation } from '../../src/runbook/step-parts.ts';
import { type Seen, unmet } from '../../src/steps/expectation.ts';

const rows = (...values: string[]): Seen => ({ rows: values.map((value) => [value]) });

it.each<[string, object, Seen]>([
  ['a count', { rows: 2 }, rows('a', 'b')],
  ['a count within bounds', { rows: { at_least: 1, at_most: 3 } }, rows('a')],
  ['a number, however it is written', { value: { equals: 10 } }, rows('10.0')],
  ['a truth, as the server says it', { value: { equals: true } }, rows('t')],
  ['bounds of a value', { value: { at_least: 1, at_most: 2 } }, rows('1.5')],
  ['a line of the output', { matches: '^COMPLETED' }, { output: 'id 7\nCOMPLETED 02:00\n' }],
  ['text in any cell', { matches: 'b' }, rows('a', 'b')],
])('is met: %s', (_, expected, seen) => {
  expect(unmet(expectation.parse(expected), seen)).toEqual([]);
});

it.each<[string, object, Seen]>([
  ['too few rows', { rows: { at_least: 1 } }, rows()],
  ['too many rows', { rows: 0 }, rows('a')],
  ['another number', { value: { equals: 10 } }, rows('11')],
  ['nothing where a number should be', { value: { equals: 0 } }, rows('')],
  ['no output where a number should be', { value: { at_most: 5 } }, { output: '\n' }],
  ['no row where a value should be', { value: { at_most: 5 } }, rows()],
  ['"cannot tell" where a number should be', { value: { at_most: 5 } }, rows('cannot tell')],
  ['text that is neither true nor false', { value: { equals: false } }, rows('maybe')],
  ['another exit code', { exit: 0 }, { exit: 1 }],
  ['output without the word', { matches: 'COMPLETED' }, { output: 'FAILED' }],
])('is not met: %s', (_, expected, seen) => {
  expect(unmet(expectation.parse(expected), seen)).toHaveLength(1);
});
