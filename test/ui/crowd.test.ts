import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Attention } from '../../src/ui/crowd.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

const HOUR = 3_600_000;

it('follows closely where there are few, however long nobody presses a key', () => {
  const attention = new Attention(() => 3);
  vi.advanceTimersByTime(HOUR);
  expect(attention.crowded).toBe(false);
  expect(attention.rest(1_000, 60_000)).toBe(1_000);
});

it('rests the longer the more there are, and never longer than it may', () => {
  const rest = (terminals: number) => {
    const attention = new Attention(() => terminals);
    vi.advanceTimersByTime(HOUR - (performance.now() % HOUR));
    return attention.rest(1_000, 60_000);
  };
  expect(rest(16)).toBeGreaterThan(rest(9));
  expect(rest(500)).toBe(60_000);
});

it('ends the long rests of one process together', () => {
  const attention = new Attention(() => 500);
  vi.advanceTimersByTime(HOUR + 7_000);
  const ends = (ms: number) => performance.now() + ms;
  const look = ends(attention.rest(250, 12_000));
  expect(look % 12_000).toBe(0);
  expect(ends(attention.rest(1_000, 60_000)) % 12_000).toBe(0);
});

it('is woken by a key from a long rest, and follows closely from then on', async () => {
  const attention = new Attention(() => 50);
  vi.advanceTimersByTime(HOUR);
  expect(attention.crowded).toBe(true);
  const resting = attention.resting(1_000, 60_000, new AbortController().signal);
  attention.touched();
  await resting;
  expect(attention.crowded).toBe(false);
  expect(attention.rest(1_000, 60_000)).toBe(1_000);
});
