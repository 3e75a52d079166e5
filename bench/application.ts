import { setTimeout as delay } from 'node:timers/promises';
import { getOneMessage, sendMessage } from 'execa';
import pg from 'pg';

/** Between two changes of one client, in ms. */
const THINKING = 5;

/**
 * Two clients that each change one random order after another until told to stop, by primary key, as the application does:
 * a program of its own, as the application is, of the database in PG*. Tells how long each change took, in ms.
 */
const pool = new pg.Pool({ max: 2 });
const SOME = `select id from public.orders
  tablesample system ((select case when reltuples < 100000 then 100 else 5 end from pg_class where oid = 'public.orders'::regclass))
  limit 20000`;
const { rows } = await pool.query<{ id: string }>(SOME);
const ms: number[] = [];
let over = false;

async function client(): Promise<void> {
  while (!over) {
    const { id } = rows[Math.floor(Math.random() * rows.length)] ?? { id: '' };
    const began = performance.now();
    await pool.query({
      name: 'touch',
      text: 'update public.orders set due_on = due_on + 1 where id = $1',
      values: [id],
    });
    ms.push(performance.now() - began);
    await delay(THINKING);
  }
}

const clients = [client(), client()];
await sendMessage('working');
await getOneMessage();
over = true;
await Promise.all(clients);
await pool.end();
await sendMessage(ms);
