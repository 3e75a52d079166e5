import { expect, test } from 'vitest';
import { findStep, itemsOf } from '../../src/runbook/plan.ts';
import { psqlScript } from '../../src/runbook/psql-script.ts';
import { parseRunbook, readSources } from '../../src/runbook/sources.ts';
import { render, statements } from '../../src/runbook/sql-file.ts';
import { legacyDatabase } from '../support/database.ts';

test('the script for psql does by hand what the flagship does', async () => {
  const database = await legacyDatabase({ rows: 500 });
  try {
    const runbook = parseRunbook(await readSources('runbook.yaml'));
    const client = await database.client();
    // What psql itself does: stop at the first error, and run what a query with \gexec returns.
    const script = psqlScript(runbook)
      .replace(/^\\set ON_ERROR_STOP on$/m, '')
      .replaceAll('\\gexec', '/* gexec */;');
    for (const { text, line } of statements(script)) {
      try {
        const { rows } = await client.query(text);
        if (text.endsWith('/* gexec */')) for (const row of rows) await client.query(String(Object.values(row)[0]));
      } catch (error) {
        throw new Error(`line ${line}: ${text}`, { cause: error });
      }
    }
    // The runbook's own checks of its result.
    for (const { step } of [findStep(runbook, 'users-complete'), findStep(runbook, 'policies-complete')].flatMap(
      (it) => it ?? [],
    )) {
      if (step.kind !== 'check') continue;
      const items = step.tables === undefined ? [{}] : itemsOf(runbook, step.tables);
      for (const item of items) {
        const { rows } = await client.query({
          text: render(runbook.sources.files[step.sql ?? '']?.text ?? '', item),
          rowMode: 'array',
        });
        expect(Number(rows[0]?.[0]), step.title).toBe(step.expect?.value?.equals);
      }
    }
    // Nobody has decided that orphans go into quarantine: what follows from that is not done.
    expect((await client.query('select from tenants where settings @> \'{"quarantine": true}\'')).rowCount).toBe(0);
    expect.assertions(1 + 13 + 1);
  } finally {
    await database.drop();
  }
});
