import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { planText } from '../../src/cli/plan-text.ts';
import { jsonSchema } from '../../src/runbook/json-schema.ts';
import type { Runbook } from '../../src/runbook/plan.ts';
import { filesOf, psqlScript } from '../../src/runbook/psql-script.ts';
import { parseRunbook, readSources } from '../../src/runbook/sources.ts';
import { statements, variablesOf } from '../../src/runbook/sql-file.ts';

const OPENS = Date.parse('2026-03-29T00:30:00Z');
let runbook: Runbook;
beforeAll(async () => {
  runbook = parseRunbook(await readSources('runbook.yaml'), { opens: OPENS });
});

test('the schema for editors is that of the program: `npm run schema` writes it', async () => {
  expect(await readFile('runbook.schema.json', 'utf8')).toBe(jsonSchema());
  expect(runbook.document.id).toBe('multi-tenant-migration');
  expect(runbook.sources.yaml.text).toMatch(/^# yaml-language-server: \$schema=\.\/runbook\.schema\.json\n/);
});

test('another opening moves every moment along, and local time changes where it does', () => {
  const text = planText(runbook);
  // Berlin's clocks go forward at 01:00 UTC that night, in the window; New York's went weeks before.
  const row = text.split('\n').find((line) => line.endsWith('Backfill 12 tables'));
  expect(row).toMatch(/^Sun 29 Mar 01:25 {2}Sun 29 Mar 03:25 {2}Sat 28 Mar 21:25 {2}1h /);
  expect(text).toContain('00:30-04:30 UTC · 01:30-06:30 Berlin · 20:30-00:30 New York · 4h');
});

test('every file that a step works with has been read', () => {
  const files = runbook.activities.flatMap(({ steps }) => steps).flatMap((step) => filesOf(runbook, step));
  expect(files.filter(({ file }) => runbook.sources.files[file] === undefined)).toEqual([]);
});

test('its SQL is plain ASCII, which a database of any encoding takes', () => {
  const files = Object.entries(runbook.sources.files);
  expect(files.filter(([, { text }]) => /[^\n\x20-\x7e]/.test(text)).map(([path]) => path)).toEqual([]);
});

test('the script for psql is all SQL, with nothing left to fill in', () => {
  const script = psqlScript(runbook)
    .replace(/^\\set ON_ERROR_STOP on$/m, '')
    .replaceAll('\\gexec', ';');
  expect(variablesOf(script)).toEqual([]);
  const parsed = statements(script);
  const begun = parsed.filter(({ tree }) => 'TransactionStmt' in tree);
  expect(begun.length).toBeGreaterThan(0);
  for (const [i, { text }] of begun.entries()) expect(text).toBe(i % 2 === 0 ? 'begin' : 'commit');
  for (const { name } of runbook.document.lists.tables ?? []) {
    expect(
      parsed.filter(({ text }) => text.startsWith('create index concurrently') && text.includes(`"public"."${name}"`)),
    ).toHaveLength(1);
  }
});
