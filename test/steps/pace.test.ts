import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BatchSize, RoundTrip, restMs } from '../../src/steps/backfill/pace.ts';

it('finds the size that takes as long as it should', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 20, max: 2_000 }), (blocks, fitting) => {
      const targetMs = 50;
      const size = new BatchSize(blocks, targetMs);
      for (let i = 0; i < 60; i++) size.learn(size.blocks, { workMs: size.blocks * (targetMs / fitting), tripMs: 1 });
      expect(size.blocks).toBeGreaterThanOrEqual(fitting - 1);
      expect(size.blocks).toBeLessThanOrEqual(fitting);
    }),
  );
});

it('never grows by more than a fifth at a time, whatever a batch took, and never below one block', () => {
  const ms = fc.double({ min: 0, max: 60_000, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.record({ workMs: ms, tripMs: ms })), (batches) => {
      const size = new BatchSize(16, 50);
      for (const batch of batches) {
        const before = size.blocks;
        size.learn(before, batch);
        expect(size.blocks).toBeLessThanOrEqual(Math.ceil(before * 1.2));
        expect(size.blocks).toBeGreaterThanOrEqual(1);
      }
    }),
  );
});

it('makes batches no smaller for a server that is far away, and has each do as much as its round trip takes', () => {
  const trip = new RoundTrip();
  const size = new BatchSize(16, 5);
  for (let i = 0; i < 60; i++) {
    const path = 80 + (i % 7);
    trip.see(path);
    size.learn(size.blocks, { workMs: trip.without(path + size.blocks), tripMs: trip.ms });
  }
  expect(trip.ms).toBe(80);
  expect(size.blocks).toBeGreaterThan(60);
  expect(size.blocks).toBeLessThanOrEqual(80);
  expect(trip.without(10)).toBe(0);
});

it('leaves the application its share of the time', () => {
  expect(restMs(40, 'gentle', 1)).toBe(40);
  expect(restMs(40, 'gentle', 2)).toBe(0);
  expect(restMs(40, 'gentle', 0.5)).toBe(120);
  expect(restMs(40, 'full', 1)).toBe(0);
  expect(restMs(40, 'full', 0.5)).toBe(40);
});
