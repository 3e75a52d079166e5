import { afterEach, expect, test, vi } from 'vitest';
import { journalOption } from '../../src/cli/journal-option.ts';

afterEach(() => vi.unstubAllEnvs());

test('a journal that is named without its password gets that of the environment, if it is the same one', () => {
  const kept = 'postgres://ada:s%40cret@db.example.com:5432/journals';
  vi.stubEnv('RUNBOOK_JOURNAL', kept);
  const { parseArg } = journalOption();
  const parsed = (url: string) => parseArg?.(url, undefined as never);
  expect(parsed('postgres://ada@db.example.com:5432/journals')).toBe(kept);
  expect(parsed('postgres://eve@db.example.com:5432/journals')).toBe('postgres://eve@db.example.com:5432/journals');
  expect(parsed('no url')).toBe('no url');
});
