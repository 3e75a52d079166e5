import { execa } from 'execa';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonText } from '../../src/run/json-text.ts';
import { harmless } from '../../src/ui/inert.ts';
import { OPENS, openTestRun, orphans } from '../ui/run.ts';

/** What a terminal obeys, or what makes a line read otherwise than it is. */
const OBEYED = /(?!\n)\p{Cc}|[\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/u;
const outside = fc.string({
  unit: fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    fc.constantFrom(...'\u001b\u009b\u0085\u007f\u202e\u2066\u200e\u061c\u2028\r"\\'),
  ),
});

test('text that leaves is obeyed by no terminal, and JSON of it reads back as the same', () => {
  fc.assert(
    fc.property(outside, (text) => {
      expect(harmless(text.replaceAll('\t', ' ').replaceAll('\r\n', '\n'))).not.toMatch(OBEYED);
      const json = jsonText({ [text]: [text] }, 2);
      expect(json).not.toMatch(OBEYED);
      expect(JSON.parse(json)).toEqual({ [text]: [text] });
    }),
  );
});

test('commands show what came from outside, and never let a terminal obey it', async () => {
  const evil = '\u001b]0;owned\u0007\u009b31m\u202e\u2066\u200e\u2028\u007f';
  const run = await openTestRun();
  const evidence = [{ kind: 'text', title: evil, text: `${evil}\n${evil}` }] as const;
  await run.happens(OPENS, { type: 'prompt-opened', prompt: { ...orphans([...evidence]), question: evil } });
  const command = (...args: string[]) =>
    execa(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...args], { reject: false, stdin: 'ignore' });
  const said = await Promise.all([
    command('status', run.path, '--json'),
    command('journal', 'export', run.path),
    command('report', run.path, '--json'),
    command('status', `--${evil}`),
  ]);
  for (const { stdout, stderr } of said) expect(`${stdout}${stderr}`).not.toMatch(OBEYED);
  expect(said.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 2]);
  expect(JSON.parse(said[0].stdout).prompts[0].prompt.question).toBe(evil);
  expect(said[3].stderr).toContain('<U+009B>');
}, 60_000);
