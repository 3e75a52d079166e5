import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';

/** What two clients of the application felt, in ms a change. */
export interface Felt {
  ms: number[];
}

/** Between two changes of one client, in ms. */
const THINKING = 5;

/**
 * Two clients that each change one random order after another while the work goes on, by primary key, as the application
 * does. @returns how long each change took
 */
export async function beside(pool: pg.Pool, work: Promise<unknown>): Promise<Felt> {
  const { rows } = await pool.query<{ id: string }>('select id from public.orders tablesample system (5) limit 20000');
  const ms: number[] = [];
  let over = false;
  const client = async () => {
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
  };
  const clients = [client(), client()];
  try {
    await work;
  } finally {
    over = true;
    await Promise.all(clients);
  }
  return { ms };
}
