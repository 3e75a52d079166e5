import { rm } from 'node:fs/promises';
import type { TestProject } from 'vitest/node';
import { makeFolder } from '../../src/rehearsal/folder.ts';
import { createRoles, type Logins } from '../../src/rehearsal/legacy.ts';
import { startPostgres } from '../../src/rehearsal/postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** PG* variables that connect to the run's server as its superuser. */
    postgres: Record<string, string>;
    /** The roles of a legacy database that can log in. */
    logins: Logins;
  }
}

/**
 * One PostgreSQL for the whole test run, with the roles of a Supabase project. TEST_POSTGRES, the folder above another
 * PostgreSQL's bin/, has the tests run on that.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await makeFolder();
  const server = await startPostgres({ folder, binaries: process.env.TEST_POSTGRES });
  const superuser = await server.connect();
  project.provide('logins', await createRoles(superuser));
  project.provide('postgres', server.env);
  await superuser.end();
  return async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
}
