import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { freshDatabase } from '../support/database.ts';
import { decision, windowOf } from './window.ts';

const sql = (id: string) => ({ id, kind: 'sql', title: id, files: [`${id}.sql`] });
const RUNBOOK = windowOf('two', [
  sql('one'),
  decision('sure', 'Is that sure?', 'yes'),
  sql('two'),
  decision('over', 'Is it over?', 'yes'),
]);

test('a database that was restored without the last step is asked about; whoever goes on has that done again', {
  timeout: 200_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'middlewatch-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await using db = await freshDatabase();
  await writeFile(join(folder, 'runbook.yaml'), RUNBOOK);
  for (const name of ['one', 'two']) await writeFile(join(folder, `${name}.sql`), `create table ${name} ();\n`);
  const opens = new Date().toISOString();
  const run = async (answers: Record<string, { choose: string; as: string; reason?: string }>) => {
    await writeFile(join(folder, 'answers.json'), JSON.stringify(answers));
    const flags = [
      '--opens',
      opens,
      '--report',
      folder,
      '--no-wait',
      '--plain',
      '--answers',
      join(folder, 'answers.json'),
    ];
    return execa('tsx', ['src/cli/main.ts', 'run', join(folder, 'runbook.yaml'), ...flags], {
      preferLocal: true,
      reject: false,
      stdin: 'ignore',
      env: { ...db.env, XDG_STATE_HOME: folder },
    });
  };
  const yes = { choose: 'yes', as: 'ops' };
  expect((await run({})).exitCode).toBe(3);
  const elsewhere = await db.client({ database: 'postgres' });
  const backup = `${db.name}_backup`;
  await elsewhere.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${db.name}'`);
  await elsewhere.query(`create database ${backup} template ${db.name}`);
  expect((await run({ sure: yes })).exitCode).toBe(3);
  await elsewhere.query(`drop database ${db.name} with (force)`);
  await elsewhere.query(`alter database ${backup} rename to ${db.name}`);

  const asked = await run({ over: yes });
  expect([asked.exitCode, asked.stdout]).toEqual([3, expect.stringMatching(/not as this run left it/)]);
  const two = () => db.superuser.query<{ made: boolean }>(`select to_regclass('two') is not null as made`);
  expect((await two()).rows).toEqual([{ made: false }]);
  const gone = await run({ over: yes, target: { choose: 'go-on', as: 'ops', reason: 'the backup is all there is' } });
  expect(gone.exitCode, gone.stdout).toBe(0);
  expect((await two()).rows).toEqual([{ made: true }]);
});
