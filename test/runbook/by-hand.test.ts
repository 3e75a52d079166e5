import { expect, test } from 'vitest';
import { findStep, itemsOf } from '../../src/runbook/plan.ts';
import { psqlScript } from '../../src/runbook/psql-script.ts';
import { parseRunbook, readSources } from '../../src/runbook/sources.ts';
import { render, statements } from '../../src/runbook/sql-file.ts';
import { legacyDatabase } from '../support/database.ts';

/** What stands below the nth of these headings, its marks taken out, statement by statement. */
function unmarked(script: string, heading: string, nth: number): string[] {
  const below = script.split(`\n-- ${heading} `)[nth + 1]?.split('\n\n')[0] ?? '';
  const lines = below.split('\n').filter((line) => !line.startsWith('-- only when '));
  return statements(lines.slice(1).join('\n').replace(/^-- /gm, '')).map(({ text }) => text);
}

test('what is commented out does its part once its marks are taken out, and so does its way back', async () => {
  const database = await legacyDatabase({ rows: 10 });
  try {
    const client = await database.client();
    const script = psqlScript(parseRunbook(await readSources('runbook.yaml')));
    const rights = async () => {
      const { rows } = await client.query(
        "select aclexplode(relacl)::text from pg_class where oid = 'tags'::regclass order by 1",
      );
      return rows;
    };
    const before = await rights();
    for (const text of unmarked(script, 'revoke-rights.tags', 0)) await client.query(text);
    const after = await rights();
    expect(after.length).toBeLessThan(before.length);
    for (const text of unmarked(script, 'revoke-rights.tags', 1)) await client.query(text);
    expect(await rights()).toEqual(before);
  } finally {
    await database.drop();
  }
});

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
