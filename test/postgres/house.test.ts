import { expect, it } from 'vitest';
import { takeFence } from '../../src/postgres/house.ts';
import { freshDatabase } from '../support/database.ts';

it('lets nobody else into its schema, whatever the default privileges', async () => {
  const other = await freshDatabase();
  try {
    const at = other.pool();
    const letIn = async () => {
      const { rows } = await at.query(`select has_schema_privilege('pg_monitor', 'middlewatch', 'usage') as let_in`);
      return rows[0]?.let_in;
    };
    await at.query('alter default privileges grant usage on schemas to pg_monitor, public');
    await takeFence(at, { run: 'alone', token: 1 }, 'journal');
    expect(await letIn()).toBe(false);
    await at.query('grant usage on schema middlewatch to pg_monitor');
    expect(await letIn()).toBe(true);
    await takeFence(at, { run: 'alone', token: 2 }, 'journal');
    expect(await letIn()).toBe(false);
  } finally {
    await other.drop();
  }
});
