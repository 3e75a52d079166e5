import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unifiedDiff } from '../../src/runbook/unified-diff.ts';

const NAMES = { before: 'old', after: 'new' };
const texts = fc
  .array(fc.constantFrom('a', 'b', 'c', '', '-- d'), { maxLength: 30 })
  .chain((lines) => fc.constantFrom('', '\n').map((end) => (lines.length > 0 ? lines.join('\n') + end : '')));

test('git applies it to the one text, and gets the other', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'middlewatch-test-'));
  const file = join(folder, 'text');
  try {
    await fc.assert(
      fc.asyncProperty(texts, texts, async (before, after) => {
        fc.pre(before !== '' && after !== '');
        await writeFile(file, before);
        const diff = unifiedDiff(before, after, { before: 'a/text', after: 'b/text' });
        if (diff !== '') await execa('git', ['apply', '--unidiff-zero', '-'], { cwd: folder, input: diff });
        const { stdout } = await execa('cat', [file], { stripFinalNewline: false });
        expect(stdout).toBe(after);
      }),
      { numRuns: 60 },
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('shows three lines around each change, and where it is', () => {
  const lines = Array.from({ length: 20 }, (_, i) => `line ${i + 1}`);
  const changed = lines.with(9, 'changed');
  expect(unifiedDiff(`${lines.join('\n')}\n`, `${changed.join('\n')}\n`, NAMES)).toBe(
    '--- old\n+++ new\n@@ -7,7 +7,7 @@\n line 7\n line 8\n line 9\n-line 10\n+changed\n line 11\n line 12\n line 13\n',
  );
});

test('takes a text that has nothing of the other as one change, at once', () => {
  const text = (word: string) => Array.from({ length: 20_000 }, (_, i) => `${word} ${i}`).join('\n');
  expect(unifiedDiff(text('old'), text('new'), NAMES).split('\n')).toHaveLength(40_000 + 6);
});
