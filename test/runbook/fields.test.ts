import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDuration } from '../../src/runbook/fields.ts';

const UNITS = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

test('a duration is the sum of its parts', () => {
  const part = fc.record({
    amount: fc.nat(10_000),
    unit: fc.constantFrom(...(Object.keys(UNITS) as (keyof typeof UNITS)[])),
  });
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
      const text = parts.map(({ amount, unit }) => `${amount}${unit}`).join('');
      expect(parseDuration(text)).toBe(parts.reduce((sum, { amount, unit }) => sum + amount * UNITS[unit], 0));
    }),
  );
  expect(parseDuration('1.5h')).toBe(90 * UNITS.m);
  expect(parseDuration('0')).toBe(0);
});

test.each(['', '30', '30 m', 'm', '-5m', '1h 30m', '1H', '1.h', 'half an hour', '1e3s'])(
  '%j is no duration',
  (text) => {
    expect(parseDuration(text)).toBeUndefined();
  },
);
