import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Lane } from '../../src/postgres/cursor.ts';
import { behind, cutOf, nextBlocks } from '../../src/steps/backfill/slices.ts';

/** Goes through a lane with batches of the wanted sizes, in turn. @returns which slice of which blocks, batch by batch */
function goneThrough(lane: Lane, wanted: number[], slices: number): { slice: number; from: number; to: number }[] {
  const batches: { slice: number; from: number; to: number }[] = [];
  let now = lane;
  while (now.next < now.end) {
    const blocks = nextBlocks(now, wanted[batches.length % wanted.length] ?? 1);
    batches.push({ slice: now.slice, from: now.next, to: now.next + blocks });
    now = behind(now, blocks, { slices });
  }
  return batches;
}

it('takes every block of a lane once in each slice, one slice after the other', () => {
  fc.assert(
    fc.property(
      fc.nat(1_000),
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 16 }),
      fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 }),
      (start, length, slices, wanted) => {
        const lane = { pass: 1, lane: 0, slice: 0, start, next: start, end: start + length };
        const batches = goneThrough(lane, wanted, slices);
        const blocks = batches.flatMap(({ slice, from, to }) =>
          Array.from({ length: to - from }, (_, n) => [slice, from + n]),
        );
        const each = Array.from({ length: slices }, (_, slice) => Array.from({ length }, (_, n) => [slice, start + n]));
        expect(blocks).toEqual(each.flat());
      },
    ),
  );
});

it('takes every slice in several batches, so that another worker’s batch beside it can end before the next slice', () => {
  const lane = { pass: 1, lane: 0, slice: 0, start: 0, next: 0, end: 1_000 };
  const batches = goneThrough(lane, [10_000], 3);
  expect(batches.map(({ slice }) => slice)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
});

it('slices the first pass over a large table only', () => {
  const batch = { slices: 8, blocks: 16 };
  expect(cutOf(1, 10_000, batch).slice).toBe(0);
  expect(cutOf(2, 10_000, batch).slice).toBe(7);
  expect(cutOf(1, 100, batch).slice).toBe(7);
});
