import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BatchSize, restMs } from '../../src/steps/backfill/pace.ts';

it('finds the size that takes as long as it should', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 20, max: 2_000 }), (blocks, fitting) => {
      const targetMs = 50;
      const size = new BatchSize(blocks, targetMs);
      for (let i = 0; i < 60; i++) size.learn(size.blocks, size.blocks * (targetMs / fitting));
      expect(size.blocks).toBeGreaterThanOrEqual(fitting - 1);
      expect(size.blocks).toBeLessThanOrEqual(fitting);
    }),
  );
});

it('never grows by more than a fifth at a time, whatever a batch took, and never below one block', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.01, max: 60_000, noNaN: true })), (durations) => {
      const size = new BatchSize(16, 50);
      for (const ms of durations) {
        const before = size.blocks;
        size.learn(before, ms);
        expect(size.blocks).toBeLessThanOrEqual(Math.ceil(before * 1.2));
        expect(size.blocks).toBeGreaterThanOrEqual(1);
      }
    }),
  );
});

it('leaves the application its share of the time', () => {
  expect(restMs(40, 'gentle', 1)).toBe(40);
  expect(restMs(40, 'gentle', 2)).toBe(0);
  expect(restMs(40, 'gentle', 0.5)).toBe(120);
  expect(restMs(40, 'full', 1)).toBe(0);
  expect(restMs(40, 'full', 0.5)).toBe(40);
});
