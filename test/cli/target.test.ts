import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inventory } from '../../src/postgres/catalog.ts';
import { tried } from '../flagship/flagship.ts';
import { legacyDatabase, type TestDatabase } from '../support/database.ts';

let good: TestDatabase;
let bad: TestDatabase;
beforeAll(async () => {
  [good, bad] = await Promise.all([legacyDatabase(), legacyDatabase()]);
});
afterAll(() => Promise.all([good?.drop(), bad?.drop()]));

const check = (env: Record<string, string>) =>
  execa('tsx', ['src/cli/main.ts', 'check', '--target'], { preferLocal: true, reject: false, stdin: 'ignore', env });

async function everything(db: TestDatabase): Promise<string[]> {
  const client = await db.superuser.connect();
  try {
    return await tried(client, () => inventory(client, ['public', 'auth', 'middlewatch']));
  } finally {
    client.release();
  }
}

test('asks a database whether the flagship would run, and leaves it as it is', { timeout: 120_000 }, async () => {
  // The list of migrations is a Supabase project's, and not everybody's.
  await good.superuser.query('drop schema supabase_migrations cascade');
  // Found all the same: what stands in public, and a password, which is not shown.
  await good.superuser.query(`
    alter database ${good.name} set search_path = '"$user"', extensions;
    create view public."${good.env.PGPASSWORD}" as select * from public.clients;
    grant select on public."${good.env.PGPASSWORD}" to authenticated`);
  const before = await everything(good);
  const { stdout, stderr, exitCode } = await check(good.env);
  expect(stdout).toMatch(new RegExp(`^ok +postgres@127.0.0.1:\\d+/${good.name}: PostgreSQL \\d.*, a primary`, 'm'));
  expect(stdout).toMatch(
    /^ok +names in the SQL: \d{3} statements name what is there; \d+ name what earlier steps make$/m,
  );
  expect(stdout).toMatch(/^- +environment: not set here, and wanted by the run: SMTP_URL, APP_PROBE_PASSWORD$/m);
  expect(stdout).toMatch(/^- +backup-verified: a command of yours, which is not run/m);
  expect(stdout).toMatch(/^ok +migratable: 0 rows/m);
  expect(stdout).toMatch(/^asks orphans: .*\n +\(of \| why \| .*\)\n +clients \| no owner at all/m);
  expect(stdout).toMatch(/^asks unexpected-policies: .*\n +Policies nobody has decided about:\n.*\n.*tags/m);
  expect(stdout).toMatch(/^- +access-kept: depends on what is decided at unexpected-policies/m);
  expect(stdout).toMatch(/^It would run/m);
  expect(stdout).toMatch(/^asks views: .*\n.*\n.*•/m);
  expect(stdout).not.toContain(good.env.PGPASSWORD);
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  expect(await everything(good)).toEqual(before);
  const { rows } = await good.superuser.query("select to_regnamespace('middlewatch') as made");
  expect(rows[0].made).toBeNull();
});

test('says where it would not, by file and line and by step, with exit code 1', { timeout: 120_000 }, async () => {
  await bad.superuser.query(`
    drop table tasks cascade; alter table goals rename to goals_table; create view goals as select * from goals_table;
    alter table deals rename org_id to owner; alter function auth.uid() rename to whoami;
    revoke create on schema public from postgres, public; revoke create on database ${bad.name} from postgres;
    alter schema public owner to supabase_admin; alter database ${bad.name} owner to supabase_admin`);
  const { stdout, exitCode } = await check(bad.env);
  expect(stdout).toMatch(/^NO +schema middlewatch: cannot be made/m);
  expect(stdout).toMatch(
    /^NO +there is no table tasks: sql\/tables\/add\.sql:\d+ \(add-column\.tasks\) and \d+ more places$/m,
  );
  expect(stdout).toMatch(
    /^NO +column owned\.org_id does not exist: sql\/checks\/orphans\.sql:\d+, for deals \(orphans\)/m,
  );
  expect(stdout).toMatch(
    /^NO +abilities: .*\n +\(missing \| because\)\n +CREATE on schema public \|.*\n +a function auth\.uid\(\) that returns uuid \|/m,
  );
  expect(stdout).toMatch(/^NO +WHERE CURRENT OF on a view is not implemented/m);
  expect(stdout).toMatch(/^NO +migratable: /m);
  expect(stdout).toMatch(/would not run as things are: \d+ things stand in the way/);
  expect(exitCode).toBe(1);
});

test('a server that is away is said in a sentence', { timeout: 60_000 }, async () => {
  const { stderr, exitCode } = await check({ PGHOST: '127.0.0.1', PGPORT: '1' });
  expect(stderr).toMatch(/^\S+@127\.0\.0\.1:1\/\S* cannot be reached: .* Check PGHOST/);
  expect(exitCode).toBe(1);
});
