import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';

/** What the clients met so far. Latencies in ms, over the newest requests. */
export interface Traffic {
  requests: number;
  /** Answers of 500 and above, and requests without an answer. */
  errors: number;
  p50Ms: number;
  p99Ms: number;
}

/** A few people at work with the application. */
export interface Clients {
  traffic(): Traffic;
  /** Lets each finish the request it is at. */
  stop(): Promise<void>;
}

export interface ClientsOptions {
  url: string;
  /** Addresses of the users to sign in as, one for each client. */
  emails: string[];
  password: string;
  /** How long each rests between two requests, ms. */
  restMs?: number;
}

/** Latencies looked back on; a long rehearsal keeps no more. */
const NEWEST = 10_000;
/** Every so many rounds, somebody new signs up, places an order, and at times leaves again. */
const ROUNDS_TO_NEWCOMER = 10;

const session = z.object({ token: z.string() });
const made = z.object({ id: z.string() });

/** Sets clients to work: list, order, change, look. They were written before the migration and know nothing of it. */
export function startClients({ url, emails, password, restMs = 100 }: ClientsOptions): Clients {
  const stopping = new AbortController();
  const latencies: number[] = [];
  let requests = 0;
  let errors = 0;

  /** One request. Null when it failed, which is counted and otherwise shrugged off, as people do. */
  const call = async (method: string, path: string, token: string, body?: unknown): Promise<unknown> => {
    await delay(restMs, undefined, { signal: stopping.signal });
    const began = performance.now();
    requests += 1;
    try {
      const response = await fetch(url + path, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(30_000),
      });
      const text = await response.text();
      if (response.status >= 500) errors += 1;
      return response.ok && text !== '' ? JSON.parse(text) : null;
    } catch {
      errors += 1;
      return null;
    } finally {
      latencies.push(performance.now() - began);
      if (latencies.length > NEWEST) latencies.shift();
    }
  };

  const enter = async (path: string, body: object): Promise<string | null> =>
    session.safeParse(await call('POST', path, '', body)).data?.token ?? null;

  const order = async (token: string): Promise<void> => {
    const client = made.safeParse(await call('POST', '/clients', token, { name: 'A new client' })).data;
    const placed = made.safeParse(await call('POST', '/orders', token, { client_id: client?.id })).data;
    if (placed) await call('PATCH', `/orders/${placed.id}`, token, { status: 'scheduled' });
  };

  const work = async (email: string): Promise<void> => {
    let token: string | null = null;
    for (let round = 1; ; round += 1) {
      token ??= await enter('/login', { email, password });
      if (token === null) continue;
      await call('GET', '/clients', token);
      await order(token);
      await call('GET', '/dashboard', token);
      if (round % ROUNDS_TO_NEWCOMER !== 0) continue;
      const newcomer = await enter('/signup', {
        email: `${randomUUID()}@example.org`,
        password: randomUUID(),
        name: 'Newcomer',
      });
      if (newcomer === null) continue;
      await order(newcomer);
      if (round % (2 * ROUNDS_TO_NEWCOMER) === 0) await call('DELETE', '/account', newcomer);
    }
  };

  const working = emails.map((email) =>
    work(email).catch((error: unknown) => {
      if (!stopping.signal.aborted) throw error;
    }),
  );

  return {
    traffic() {
      const sorted = latencies.toSorted((a, b) => a - b);
      const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
      return { requests, errors, p50Ms: at(0.5), p99Ms: at(0.99) };
    },
    async stop() {
      stopping.abort();
      await Promise.all(working);
    },
  };
}
