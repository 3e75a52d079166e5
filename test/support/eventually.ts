import { vi } from 'vitest';

/**
 * Waits until a check passes: half a minute at most, which only a machine that is very busy with other things needs.
 * @returns what the check returns
 * @throws what it threw last
 */
export const eventually = <T>(check: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(check, { timeout: 30_000, interval: 20 });
