import { rm } from 'node:fs/promises';
import type { TestProject } from 'vitest/node';
import { makeFolder } from '../../src/rehearsal/folder.ts';
import { startPostgres } from '../../src/rehearsal/postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** PG* variables that connect to the run's server as its superuser. */
    postgres: Record<string, string>;
  }
}

/** One PostgreSQL for the whole test run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await makeFolder();
  const server = await startPostgres({ folder });
  project.provide('postgres', server.env);
  return async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
}
