import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openPool } from '../../src/postgres/connect.ts';
import { coordinates, whereabouts } from '../../src/postgres/coordinates.ts';
import { ConnectionFailed, WrongTarget } from '../../src/postgres/errors.ts';
import { identify } from '../../src/postgres/identity.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { poolerOf, TLS_REQUEST } from './pooler.ts';

let db: TestDatabase;
const options = { application: 'middlewatch test', max: 2 };

beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());

async function connected(env: Record<string, string | undefined>) {
  const pool = await openPool(env, options);
  try {
    return await identify(pool);
  } finally {
    await pool.end();
  }
}

it('connects by PG variables, by URL and by service name alike', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'middlewatch-test-'));
  try {
    const { PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE } = db.env;
    const file = join(folder, 'pg_service.conf');
    const lines = ['# ours', '[other]', 'host=nowhere', '[night]', `host=${PGHOST}`, `port=${PGPORT}`];
    await writeFile(file, [...lines, `user=${PGUSER}`, `password=${PGPASSWORD}`, `dbname=${PGDATABASE}`].join('\n'));
    const byVariables = await connected(db.env);
    expect(byVariables).toMatchObject({ database: db.name, role: PGUSER });
    expect(byVariables.system).toMatch(/^\d{10,}$/);
    expect(await connected({ DATABASE_URL: db.url })).toEqual(byVariables);
    expect(await connected({ PGSERVICE: 'night', PGSERVICEFILE: file })).toEqual(byVariables);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('knows the system for a lesser role too, and says so where it may not read it', async () => {
  const role = `lesser_${db.name}`;
  await db.superuser.query(`create role ${role} login password 'lesser-secret'`);
  try {
    const identity = await connected({ ...db.env, PGUSER: role, PGPASSWORD: 'lesser-secret' });
    expect(identity).toMatchObject({ database: db.name, role });
    expect(identity.system).toMatch(/^\d{10,}$/);
    await db.superuser.query('revoke execute on function pg_control_system() from public');
    const less = await connected({ ...db.env, PGUSER: role, PGPASSWORD: 'lesser-secret' });
    expect(less).toEqual({ ...identity, system: expect.stringMatching(/^not readable; database \d+$/) });
  } finally {
    await db.superuser.query(`drop role ${role}`);
  }
});

it('takes the password from the password file that is meant, never from the environment of this process', async () => {
  const { PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE } = db.env;
  const env = { DATABASE_URL: `postgres://${PGUSER}@${PGHOST}:${PGPORT}/${PGDATABASE}` };
  vi.stubEnv('PGPASSWORD', PGPASSWORD);
  await expect(openPool(env, options)).rejects.toThrow('wants a password');
  const PGPASSFILE = join(await mkdtemp(join(tmpdir(), 'middlewatch-test-')), 'pgpass');
  const escaped = PGPASSWORD?.replace(/[:\\]/g, '\\$&');
  await writeFile(PGPASSFILE, `other:*:*:*:no\n${PGHOST}:*:*:${PGUSER}:${escaped}\n`, { mode: 0o600 });
  expect(await connected({ ...env, PGPASSFILE })).toMatchObject({ role: PGUSER });
  await chmod(PGPASSFILE, 0o644);
  await expect(openPool({ ...env, PGPASSFILE }, options)).rejects.toThrow('wants a password');
  await rm(dirname(PGPASSFILE), { recursive: true });
  vi.unstubAllEnvs();
});

it('says who is not let in where, and never with which password', async () => {
  const error = await openPool({ ...db.env, PGPASSWORD: 'wrong-secret' }, options).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(ConnectionFailed);
  expect((error as Error).message).toContain(db.env.PGUSER);
  expect((error as Error).message).not.toContain('wrong-secret');
  expect(whereabouts(coordinates({ DATABASE_URL: 'postgres://me:my-secret@db.example:5433/app' }))).toBe(
    'me@db.example:5433/app',
  );
});

it.each([
  ['a server that is not there', { PGHOST: '127.0.0.1', PGPORT: '1' }, ConnectionFailed, /cannot be reached/],
  ['two names for the target', { PGHOST: 'a', DATABASE_URL: 'postgres://b/c' }, ConnectionFailed, /both set/],
  ['a transaction pooler', { PGHOST: 'db.example', PGPORT: '6543' }, WrongTarget, /transaction pooler/],
  ['text that is no URL', { DATABASE_URL: 'my-secret' }, ConnectionFailed, /^DATABASE_URL is not a URL\.$/],
  ['a stray % in a URL', { DATABASE_URL: 'postgres://me:1%@b/c' }, ConnectionFailed, /^DATABASE_URL is not a URL\.$/],
  ['a port that is none', { PGHOST: 'db.example', PGPORT: 'night' }, ConnectionFailed, /no port/],
  ['a mistyped sslmode', { PGHOST: 'db.example', PGSSLMODE: 'verify_full' }, ConnectionFailed, /no sslmode/],
  ['no certificate', { PGHOST: 'b', PGSSLMODE: 'verify-ca', PGSSLROOTCERT: '/no.pem' }, ConnectionFailed, /no\.pem/],
])('refuses %s', async (_, env, type, message) => {
  const error = await openPool(env, options).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(type);
  expect((error as Error).message).toMatch(message);
});

/** As pg_hba.conf has it said; between the type and the fields, the length. */
const NOT_LET_IN = (() => {
  const fields = Buffer.from('SFATAL\0C28000\0Mno pg_hba.conf entry\0\0');
  const length = Buffer.alloc(4);
  length.writeInt32BE(length.length + fields.length);
  return Buffer.concat([Buffer.from('E'), length, fields]);
})();

it('with sslmode allow asks a server for TLS that lets nobody in without', async () => {
  const asked: string[] = [];
  const server = createServer((socket) =>
    socket.once('data', (said) => {
      const forTls = said.readInt32BE(4) === TLS_REQUEST;
      asked.push(forTls ? 'TLS' : 'plain');
      socket.end(forTls ? 'N' : NOT_LET_IN);
    }),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const env = { PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: 'me', PGPASSWORD: 'it', PGSSLMODE: 'allow' };
  await expect(openPool(env, options)).rejects.toBeInstanceOf(ConnectionFailed);
  server.close();
  expect(asked).toEqual(['plain', 'TLS']);
});

it('refuses a database that is not there', async () => {
  await expect(openPool({ ...db.env, PGDATABASE: 'not_here' }, options)).rejects.toThrow('no such database');
});

it.each([1, 2])('knows a transaction pooler with %i servers by what it does', async (servers) => {
  await using pooler = await poolerOf(db.env, servers);
  const error = await openPool(pooler.env, options).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(WrongTarget);
  expect((error as Error).message).toMatch(/is a transaction pooler \(one server process answered/);
});

it('knows a pooler in statement mode, also by one connection alone', async () => {
  await using pooler = await poolerOf(db.env, 2, 'statement');
  for (const max of [1, 2]) {
    const error = await openPool(pooler.env, { ...options, max }).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(WrongTarget);
    expect((error as Error).message).toMatch(/is a pooler in statement mode/);
  }
});

it('refuses a database that takes no writes from this role', async () => {
  await db.superuser.query(`alter database ${db.name} set default_transaction_read_only = on`);
  try {
    await expect(connected(db.env)).rejects.toThrow(/takes no writes from this role/);
  } finally {
    await db.superuser.query(`begin read write; alter database ${db.name} reset default_transaction_read_only; commit`);
  }
});

it('lets no setting of the role or the database cut a transaction short, or make statements mean something else', async () => {
  const { rows } = await db.superuser.query("select name from pg_settings where name = 'transaction_timeout'");
  const limits = ['idle_session_timeout', ...rows.map(({ name }) => name)];
  for (const limit of limits) await db.superuser.query(`alter database ${db.name} set ${limit} = '1min'`);
  const others = {
    standard_conforming_strings: 'off',
    quote_all_identifiers: 'on',
    row_security: 'off',
    xmloption: 'document',
  };
  for (const [name, value] of Object.entries({ ...others, default_transaction_isolation: 'serializable' })) {
    await db.superuser.query(`alter database ${db.name} set ${name} = '${value}'`);
  }
  const pool = await openPool(db.env, options);
  try {
    for (const limit of limits) expect((await pool.query(`show ${limit}`)).rows[0][limit]).toBe('0');
    for (const [name, value] of Object.entries(others)) {
      expect((await pool.query(`show ${name}`)).rows[0][name]).not.toBe(value);
    }
    expect((await pool.query('show transaction_isolation')).rows[0].transaction_isolation).toBe('read committed');
  } finally {
    await pool.end();
    await db.superuser.query(`alter database ${db.name} reset all`);
  }
});
