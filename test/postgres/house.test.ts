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

it('is built once by runs that begin at the same moment', async () => {
  const other = await freshDatabase();
  try {
    const at = other.pool({ max: 20 });
    await at.query('alter default privileges grant usage on schemas to pg_monitor');
    // None of them is to begin later because it has to connect first.
    for (const client of await Promise.all(Array.from({ length: 20 }, () => at.connect()))) client.release();
    const runs = Array.from({ length: 6 }, (_, nth) => ({ run: `run ${nth}`, token: 1 }));
    const fences = await Promise.all(runs.map((run) => takeFence(at, run, `journal of ${run.run}`)));
    expect(new Set(fences.map(({ marker }) => marker)).size).toBe(runs.length);
  } finally {
    await other.drop();
  }
});

it('is not taken for its own where it is another’s', async () => {
  const other = await freshDatabase();
  try {
    const at = other.pool();
    const taken = () => takeFence(at, { run: 'alone', token: 1 }, 'journal');
    await other.superuser.query('create schema middlewatch; create table middlewatch.ledger (entry int)');
    await expect(taken()).rejects.toThrow("There is a schema middlewatch that is not this program's (ledger)");
    await other.superuser.query('drop table middlewatch.ledger; create table middlewatch.customers (id int)');
    await expect(taken()).rejects.toThrow("that is not this program's (customers)");
    await other.superuser.query('drop schema middlewatch cascade; create schema middlewatch authorization pg_monitor');
    await expect(taken()).rejects.toThrow('The schema middlewatch, or something in it, belongs to pg_monitor');
    await other.superuser.query('drop schema middlewatch');
    await expect(taken()).resolves.toMatchObject({ ended: { rows: [] } });
  } finally {
    await other.drop();
  }
});
