import { expect, it } from 'vitest';
import { noted, type Rates, rateOf } from '../../src/ui/rates.ts';

const at = (rates: Rates, done: number, ms: number) =>
  noted(rates, [{ step: 'fill', at: 0, done, total: 9_000, unit: 'rows' }], ms);

it('is what was done in a second, over the last quarter of a minute', () => {
  let rates: Rates = {};
  for (let second = 0; second <= 60; second += 1) rates = at(rates, second * (second < 30 ? 10 : 20), second * 1_000);
  expect(rateOf(rates, 'fill')).toBe(20);
});

it('is not made of what was seen a minute ago and is shown still', () => {
  let rates = at({}, 100, 1_000);
  // Drawn again, when somebody has come back to the keys.
  rates = at(rates, 100, 1_000);
  rates = at(rates, 5_000, 61_000);
  expect(rateOf(rates, 'fill')).toBeUndefined();
  rates = at(rates, 5_080, 62_000);
  expect(rateOf(rates, 'fill')).toBe(80);
});
