import { setTimeout as delay } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { type Load, LoadGauge } from '../../postgres/load.ts';

/** A server that takes longer than this to say how it is does not answer, in ms. */
const LOOK_TIMEOUT = 3_000;

/** The server's own signals, over a connection that nothing else waits for. */
export class ServerProbe implements Disposable {
  readonly #pool: Pool;
  readonly #gauge: LoadGauge;
  #client: PoolClient | undefined;
  #over = false;
  hasAnswered = false;

  constructor(pool: Pool, tables: string[]) {
    this.#pool = pool;
    this.#gauge = new LoadGauge(tables);
  }

  /** @throws what keeps it from being seen, a server that takes too long included */
  async look(): Promise<Load> {
    const late = new AbortController();
    try {
      const load = await Promise.race([
        this.#look(),
        delay(LOOK_TIMEOUT, undefined, { signal: late.signal }).then(() => {
          throw new Error('no answer in time');
        }),
      ]);
      this.hasAnswered = true;
      return load;
    } catch (error) {
      this.#drop();
      throw error;
    } finally {
      late.abort();
    }
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.#drop();
  }

  #drop(): void {
    this.#client?.release(true);
    this.#client = undefined;
  }

  async #look(): Promise<Load> {
    const client = this.#client ?? (await this.#pool.connect());
    if (this.#over || (this.#client !== undefined && this.#client !== client)) {
      client.release(true);
      throw new Error('connected too late');
    }
    this.#client = client;
    return await this.#gauge.look(client);
  }
}
