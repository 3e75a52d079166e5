import { expect, it } from 'vitest';
import { misshapen } from '../../src/run/event-shape.ts';
import { chained, GENESIS, verified } from '../../src/run/journal/chain.ts';

const first = { seq: 0, hash: GENESIS };

it.each([
  [{ type: 'no-such-thing' }, 'is of a type that this version of runbook does not know, “no-such-thing”'],
  [{ type: 'step-begun', step: 'one' }, 'is no “step-begun” of this version of runbook, by its attempt'],
  [{ type: 'prompt-opened', prompt: { id: 'x' } }, 'by its prompt.round'],
  [{ type: 'step-begun', step: ['one'], attempt: 1 }, 'by its step'],
  [{ step: 'one' }, 'is no event'],
  [null, 'is no event'],
])('a record whose hash is right and whose event is %j is named', (event, what) => {
  const forged = chained(first, 5, event as never);
  expect(() => verified(first, [forged])).toThrow(`Record 1 of the journal ${misshapen(event)}`);
  expect(misshapen(event)).toContain(what);
});

it('an event may hold more than is known of it, and numbers that were none', () => {
  expect(misshapen({ type: 'step-sampled', step: 'one', values: { rate: null }, later: 1 })).toBeNull();
});
