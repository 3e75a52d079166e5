import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeFolder } from '../../src/rehearsal/folder.ts';
import { adoptDatabase, createLegacy, createRoles } from '../../src/rehearsal/legacy.ts';
import { startPostgres, type ThrowawayPostgres } from '../../src/rehearsal/postgres.ts';
import { itemsOf } from '../../src/runbook/plan.ts';
import { randomFrom } from '../simulation/random.ts';
import { clientOf } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { flagshipRunbook, openFlagship } from './flagship.ts';

/*
 * The flagship's backfill, killed again and again at moments of chance: the conductor, the server, both at once. No batch
 * is lost or done twice, and every row is what it is after a run that nobody disturbed. KILLS=200 for more of them.
 */

const KILLS = Number(process.env.KILLS ?? 3);
const SEED = Number(process.env.SEED ?? 1);
/** A database takes so many, then the next copy is begun. */
const KILLS_EACH = 8;
const ROWS = 2_000;
const VICTIMS = ['conductor', 'server', 'both'] as const;
const RUN = 'killed';
const CONDUCTOR = fileURLToPath(new URL('./backfill-conductor.ts', import.meta.url));

let folder: string;
let server: ThrowawayPostgres;
let operator: { user: string; password: string };
let tables: string[];
let undisturbed: string[];
beforeAll(async () => {
  folder = await makeFolder();
  server = await startPostgres({ folder, durable: true, binaries: process.env.TEST_POSTGRES });
  await as(superuser('postgres'), async (client) => {
    ({ operator } = await createRoles(client));
    await client.query('create database base');
  });
  await as(superuser('base'), (client) => createLegacy(client, { rows: ROWS, password: 'none' }));
  const prepared = await openFlagship(envOf('base'));
  await prepared.perform('create-tenants', 'fill-tenants', 'row-triggers', 'add-column').finally(prepared.close);
  const runbook = await flagshipRunbook();
  tables = ['profiles', 'tenants', ...itemsOf(runbook, 'tables').map(({ name = '' }) => name)];
  await copyOfBase('undisturbed');
  const flagship = await openFlagship(envOf('undisturbed'));
  await flagship.perform('backfill-profiles', 'backfill-tables').finally(flagship.close);
  undisturbed = await allRows('undisturbed');
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

test('killed at any moment, it fills every row, once', { timeout: 60_000 + KILLS * 10_000 }, async () => {
  const random = randomFrom(SEED);
  const injected = { conductor: 0, server: 0, both: 0 };
  const total = () => injected.conductor + injected.server + injected.both;
  while (total() < KILLS) {
    const name = `killed_${total()}`;
    await copyOfBase(name);
    let token = 0;
    const begin = () => {
      token += 1;
      // What a killed one had for itself goes with the folder.
      const env = { ...envOf(name), TMPDIR: folder };
      return execa(process.execPath, [CONDUCTOR, RUN, String(token)], { env, reject: false });
    };
    let conductor = begin();
    for (let kill = 0; kill < KILLS_EACH && total() < KILLS; kill += 1) {
      const until = (await counted(name)) + random.between(1, ROWS / 2);
      // More has been done by then, or there is no more to do.
      let ended = false;
      conductor.finally(() => {
        ended = true;
      });
      await expect
        .poll(async () => ended || (await counted(name)) >= until, { timeout: 60_000, interval: 5 })
        .toBe(true);
      if (ended) break;
      const victim = VICTIMS[total() % VICTIMS.length] ?? 'both';
      if (victim !== 'server') conductor.kill('SIGKILL');
      if (victim !== 'conductor') await crash();
      injected[victim] += 1;
      if (victim === 'server') continue;
      await conductor;
      await counted(name);
      conductor = begin();
    }
    const { exitCode, stderr } = await conductor;
    expect(exitCode, stderr).toBe(0);
    const at = `${name} of seed ${SEED}, ${JSON.stringify(injected)}`;
    expect(await allRows(name), at).toEqual(undisturbed);
    expect(await counted(name), at).toBe(await as(superuser(name), filled));
    await as(superuser('postgres'), (client) => client.query(`drop database ${name} with (force)`));
  }
  expect(total()).toBe(KILLS);
});

const superuser = (database: string) => ({ ...server.env, PGDATABASE: database });
const envOf = (database: string): Record<string, string> => ({
  ...superuser(database),
  PGUSER: operator.user,
  PGPASSWORD: operator.password,
});

/** Does something over a connection of its own. */
async function as<T>(env: Record<string, string>, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await clientOf(env);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function copyOfBase(name: string): Promise<void> {
  await as(superuser('postgres'), (client) => client.query(`create database ${name} template base`));
  await as(superuser(name), adoptDatabase);
}

/** One session that dies by a signal takes all of them with it, and every commit that was not on disk yet. */
async function crash(): Promise<void> {
  await as(superuser('postgres'), async (client) => {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    process.kill(rows[0]?.pid ?? 0, 'SIGKILL');
    await new Promise((gone) => client.once('end', gone));
  });
}

/** Rows filled, by the cursors; a server that is away is waited for. */
const counted = (database: string): Promise<number> =>
  eventually(() =>
    as(superuser(database), async (client) => {
      const { rows } = await client.query(
        'select coalesce(sum(rows_done), 0)::int as n from middlewatch.cursor where run = $1',
        [RUN],
      );
      return rows[0].n;
    }),
  );

async function filled(client: pg.Client): Promise<number> {
  let sum = 0;
  for (const table of tables.filter((name) => name !== 'tenants')) {
    sum += (await client.query(`select count(tenant_id)::int as n from public.${table}`)).rows[0].n;
  }
  return sum;
}

/** Every row of every table, as text. */
function allRows(database: string): Promise<string[]> {
  return as(superuser(database), async (client) => {
    const all: string[] = [];
    for (const table of tables) {
      const { rows } = await client.query(
        `select '${table} ' || each::text as row from public.${table} each order by 1`,
      );
      all.push(...rows.map(({ row }) => row));
    }
    return all;
  });
}
