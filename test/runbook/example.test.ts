import { expect, test } from 'vitest';
import { planText } from '../../src/cli/plan-text.ts';
import { parseRunbook, readSources } from '../../src/runbook/sources.ts';

test("another team's window is another file: few parts, names with umlauts, a window across midnight, either line end", async () => {
  const sources = await readSources('docs/examples/minor-upgrade/runbook.yaml');
  const runbook = parseRunbook(sources);
  expect(runbook.activities.map(({ id }) => id)).toEqual(['before', 'restart', 'rollback']);
  const plan = planText(runbook);
  expect(plan).toContain(
    'PostgreSQL minor upgrade in Köln\nTue 01 Dec 22:30 · 22:30-00:30 UTC · 23:30-01:30 Berlin · 2h',
  );
  expect(plan).toMatch(/^Tue 01 Dec 23:00 {2}Wed 02 Dec 00:00 {2}30m /m);

  const crlf = { ...sources.yaml, text: sources.yaml.text.replaceAll('\n', '\r\n') };
  expect(parseRunbook({ ...sources, yaml: crlf }).document).toEqual(runbook.document);
});
