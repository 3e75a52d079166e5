import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { presentEvery } from '../../src/run/roll-call.ts';
import { Attention, drawnEvery } from '../../src/ui/crowd.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

const HOUR = 3_600_000;

it('follows closely where there are few, however long nobody presses a key', () => {
  const attention = new Attention(() => 3);
  vi.advanceTimersByTime(HOUR);
  expect(attention.crowded).toBe(false);
  expect(attention.rest(1_000)).toBe(1_000);
});

it.each([9, 25, 50, 500])('ends the long rests of one process together, with %i terminals', (terminals) => {
  const attention = new Attention(() => terminals);
  vi.advanceTimersByTime(HOUR + 7_300);
  const ends = (...rest: Parameters<Attention['rest']>) => performance.now() + attention.rest(...rest);
  const end = ends(1_000);
  expect(ends(250)).toBeCloseTo(end);
  expect(attention.rest(1_000, 4_000)).toBeLessThanOrEqual(4_000);
});

it.each([9, 25, 50, 500])('looks for progress at some of these times, with %i terminals', (terminals) => {
  const attention = new Attention(() => terminals);
  vi.advanceTimersByTime(HOUR + 7_300);
  const wakes = performance.now() + attention.rest(1_000);
  const looks: number[] = [];
  // Each as early as a timer may be.
  for (let at = performance.now(); looks.length < 4; at = (looks.at(-1) ?? 0) - 1) {
    looks.push(performance.now() + attention.untilProgress(at, 250));
  }
  const [first = 0, ...others] = looks;
  expect(Math.abs(Math.round(first - wakes) % presentEvery(terminals))).toBe(0);
  const apart = others.map((at, index) => Math.round(at - (looks[index] ?? 0)));
  expect(new Set(apart)).toEqual(new Set([drawnEvery(terminals)]));
  expect((terminals * 60_000) / drawnEvery(terminals)).toBeLessThanOrEqual(20);
});

it('does not wake together with others that came at the same moment', () => {
  const rests = Array.from({ length: 20 }, () => new Attention(() => 50).rest(1_000));
  expect(new Set(rests).size).toBe(rests.length);
});

it('looks for progress at once that was not due in the crowd that has gone', () => {
  let terminals = 50;
  const attention = new Attention(() => terminals);
  const since = performance.now();
  expect(attention.untilProgress(since, 250)).toBeGreaterThan(0);
  terminals = 8;
  vi.advanceTimersByTime(300);
  expect(attention.untilProgress(since, 250)).toBeLessThanOrEqual(0);
});

it('does not rest on where the crowd has gone', async () => {
  let terminals = 50;
  const attention = new Attention(() => terminals);
  vi.advanceTimersByTime(HOUR);
  const resting = attention.resting(new AbortController().signal, 1_000);
  attention.counted();
  expect(attention.woken.aborted).toBe(false);
  terminals = 2;
  attention.counted();
  await resting;
  expect(attention.rest(1_000)).toBe(1_000);
});

it('is woken by a key from a long rest, and follows closely from then on', async () => {
  const attention = new Attention(() => 50);
  vi.advanceTimersByTime(HOUR);
  expect(attention.crowded).toBe(true);
  const resting = attention.resting(new AbortController().signal, 1_000);
  attention.touched();
  await resting;
  expect(attention.crowded).toBe(false);
  expect(attention.rest(1_000)).toBe(1_000);
});
