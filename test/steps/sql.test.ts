import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { RehearsedFailure } from '../../src/run/performer.ts';
import { ExportFailed } from '../../src/steps/exports.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { actOf, stepOf } from './acting.ts';
import { commitProxy } from './commit-proxy.ts';
import { failingAct, finished, performing } from './performing.ts';

let db: TestDatabase;

beforeAll(async () => {
  db = await freshDatabase();
  await db.superuser.query('create table note (text text)');
});
afterAll(() => db.drop());

const files = {
  'write.sql': `insert into note values (:'text');\ninsert into note select :'text' || ' again' from note where text = :'text';`,
  'clear.sql': `delete from note where text like :'text' || '%';`,
  'broken.sql': `insert into note values ('half');\n\n-- the second one\nselect 1\n  / 0;`,
  'raising.sql': `do $$ begin raise 'no way' using detail = 'it is shut', hint = 'knock'; end $$;`,
  'suicide.sql': `create function leave() returns trigger language plpgsql as
      $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$;
    create constraint trigger leaves after insert on note deferrable initially deferred
      for each row execute function leave();
    insert into note values ('doomed');`,
};
const write = (id: string) =>
  stepOf('sql', { id, files: ['write.sql'], vars: { text: `it's ${id}` }, undo: { files: ['clear.sql'] } });
const notes = async (id: string) =>
  (await db.superuser.query('select text from note where text like $1 order by text', [`it's ${id}%`])).rows.map(
    ({ text }) => text,
  );

it('runs once, however often it is performed, and is taken back as a whole', async () => {
  await using performer = await performing(db.env, { files });
  const step = write('once');
  expect(await performer.verify(step, actOf())).toEqual({ found: 'not-done' });
  const result = await finished(performer, step);
  expect(await finished(performer, step)).toEqual(result);
  expect(await performer.verify(step, actOf())).toEqual({ found: 'done', result });
  expect(await notes('once')).toEqual([`it's once`, `it's once again`]);
  await performer.undo(step, actOf());
  expect(await notes('once')).toEqual([]);
  expect(await performer.verify(step, actOf())).toEqual({ found: 'not-done' });
});

it('does not undo what it never did', async () => {
  await using performer = await performing(db.env, { files });
  await db.superuser.query(`insert into note values ('it''s foreign')`);
  await performer.undo(write('foreign'), actOf());
  expect(await notes('foreign')).toEqual([`it's foreign`]);
});

it('keeps what an undo destroys before it does, whole, for nobody else to read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'middlewatch-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const exports = join(folder, 'exports');
  const odd = `a "quoted", \\N\nline`;
  const kept = stepOf('sql', { files: ['make.sql'], undo: { export: ['kept.sql'], files: ['drop.sql'] } });
  const step = { ...kept, id: 'keep.a/b' };
  await using performer = await performing(db.env, {
    files: {
      'make.sql':
        'create table kept (id int, text text); insert into kept select id from generate_series(3, 12002) id;',
      'kept.sql': 'select * from kept order by id;',
      'drop.sql': 'drop table kept;',
    },
    exports,
  });
  await finished(performer, step);
  await db.superuser.query("insert into kept values (1, $1), (2, '')", [odd]);
  const path = join(exports, 'keep.a%2Fb.kept.csv');

  await writeFile(exports, 'in the way');
  await expect(performer.undo(step, actOf())).rejects.toThrow(ExportFailed);
  expect((await db.superuser.query('select from kept')).rowCount).toBe(12_002);
  await rm(exports);
  expect((await performer.undo(step, actOf())).summary).toBe(`kept 12002 rows in ${path}; ran drop.sql`);
  // A conductor that was killed before it could say so is told by the next one.
  expect((await performer.undo(step, actOf())).summary).toBe(`nothing left to undo; kept before in ${path}`);

  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(exports)).toEqual([basename(path)]);
  const text = await readFile(path, 'utf8');
  expect(text).toMatch(/^"id","text"\n"1","a ""quoted"", \\N\nline"\n"2",""\n"3",\n"4",\n/);
  expect(text.split('\n')).toHaveLength(12_002 + 3);
});

it('keeps nothing of a file that fails, and names the line', async () => {
  await using performer = await performing(db.env, { files });
  const step = stepOf('sql', { id: 'broken', files: ['broken.sql'] });
  const error = await performer.perform(step, actOf()).catch((error: unknown) => error);
  expect(performer.explain(error)).toMatchObject({
    name: 'StatementFailed',
    message: expect.stringMatching(/^broken\.sql:4: division by zero\./),
    code: '22012',
    advice: expect.any(String),
  });
  expect((await db.superuser.query(`select from note where text = 'half'`)).rowCount).toBe(0);
});

it('tells all that the server said: detail, hint, and where in a function', async () => {
  await using performer = await performing(db.env, { files });
  const step = stepOf('sql', { id: 'raising', files: ['raising.sql'] });
  const error = await performer.perform(step, actOf()).catch((error: unknown) => error);
  const { message } = performer.explain(error);
  expect(message).toMatch(
    /^raising\.sql:1: no way\. Detail: it is shut\. Hint: knock\. Where: PL\/pgSQL function .* at RAISE\.$/,
  );
});

it('keeps nothing of a rehearsed failure either', async () => {
  await using performer = await performing(db.env, { files });
  const act = failingAct();
  await expect(performer.perform(write('rehearsed'), act)).rejects.toBeInstanceOf(RehearsedFailure);
  expect(await notes('rehearsed')).toEqual([]);
  await finished(performer, write('rehearsed'), act);
  expect(await notes('rehearsed')).toHaveLength(2);
});

it('asks the ledger when the answer to COMMIT was lost, and does nothing twice', async () => {
  await using proxy = await commitProxy(db.env);
  await using performer = await performing(proxy.env, { files });
  proxy.armed = true;
  const result = await finished(performer, write('doubted'));
  expect(proxy.armed).toBe(false);
  expect(result.facts).toMatchObject({ statements: 2 });
  expect(await notes('doubted')).toHaveLength(2);
});

it('says in doubt when the connection ended in COMMIT and the ledger has nothing', async () => {
  await using performer = await performing(db.env, { files });
  const step = stepOf('sql', { id: 'suicide', files: ['suicide.sql'] });
  await expect(performer.perform(step, actOf())).rejects.toMatchObject({
    name: 'EndedOnPurpose',
    cause: { name: 'InDoubt' },
  });
  expect(await performer.verify(step, actOf())).toEqual({ found: 'not-done' });
  expect((await db.superuser.query(`select from note where text = 'doomed'`)).rowCount).toBe(0);
});
