import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { windowOf } from './window.ts';

const STEPS = 40;
const RUNBOOK = windowOf(
  'many',
  Array.from({ length: STEPS }, (_, nth) => ({
    id: `step-${nth}`,
    kind: 'sql',
    title: `Insert ${nth}`,
    files: ['insert.sql'],
  })),
);

let folder: string;
let db: TestDatabase;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'middlewatch-test-'));
  await writeFile(join(folder, 'runbook.yaml'), RUNBOOK);
  await writeFile(join(folder, 'insert.sql'), 'insert into done default values;\n');
  db = await freshDatabase();
  await db.superuser.query('create table done (id integer generated always as identity)');
});
afterAll(async () => {
  await db.drop();
  await rm(folder, { recursive: true, force: true });
});

const opens = new Date().toISOString();
const command = ['--import', 'tsx', 'src/cli/main.ts', 'run'];

/** @param blocks of 512 bytes: how long a file may become before the system refuses to write on, as on a disk that is full */
const run = (blocks: number | 'unlimited') => {
  const args = [...command, join(folder, 'runbook.yaml'), '--opens', opens, '--report', folder, '--plain', '--no-wait'];
  return execa('sh', ['-c', `ulimit -f ${blocks} && exec "$@"`, 'sh', process.execPath, ...args], {
    reject: false,
    stdin: 'ignore',
    env: { ...db.env, XDG_STATE_HOME: folder },
  });
};

const done = async () => (await db.superuser.query('select count(*)::int as steps from done')).rows[0].steps;

test('a journal that cannot be written stops the run before the next act and says why; with room again it goes on', {
  timeout: 120_000,
}, async () => {
  const stopped = await run(700);
  expect(stopped.stdout).toMatch(
    /The conductor failed: The journal .*journal\.sqlite cannot be (read or )?written: the disk/,
  );
  expect(stopped.stdout).toMatch(
    /To carry on with it, as the role you have \(--as ROLE\):\n {2}runbook run \/\S+\.yaml$/m,
  );
  expect(stopped.exitCode).toBe(1);
  const finished = [...stopped.stdout.matchAll(/✓ Insert/g)].length;
  expect(finished).toBeGreaterThan(0);
  // The step that was at work when its result could not be put on record may have been committed; none after it was begun.
  expect([finished, finished + 1]).toContain(await done());

  const carriedOn = await run('unlimited');
  expect(carriedOn.exitCode).toBe(0);
  expect(await done()).toBe(STEPS);
});
