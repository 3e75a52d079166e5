import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { clientOf } from '../support/database.ts';

/** What PgBouncer 1.18 says to BEGIN in statement mode, before it ends the connection. */
const NO_TRANSACTIONS = Buffer.concat([
  Buffer.from([0x45, 0, 0, 0, 77]),
  Buffer.from('SFATAL\0C08P01\0Mtransaction blocks not allowed in statement pooling mode\0\0'),
]);
/** `AuthenticationOk` and `ReadyForQuery`, idle. */
const COME_IN = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49]);
const NO_TLS = Buffer.from('N');
/** In place of the protocol's version: may we have TLS? */
export const TLS_REQUEST = 80877103;

/**
 * What a pooler in transaction mode is to a client: a server connection for as long as a transaction lasts, then any other.
 * Lets everybody in, as the role of `env`. Closed by `await using`.
 * @param mode in statement mode, a server connection for no longer than a statement
 */
export async function poolerOf(
  env: Record<string, string>,
  servers: number,
  mode: 'transaction' | 'statement' = 'transaction',
) {
  const clients = new Set<Socket>();
  const made = await Promise.all(
    Array.from({ length: servers }, async () => {
      const client = await clientOf(env);
      // Logged in: from here on the bytes are the clients'.
      const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
      stream.removeAllListeners('data');
      return stream;
    }),
  );
  const free = [...made];
  const waiting: ((server: Socket) => void)[] = [];
  const server = createServer((client) => {
    clients.add(client);
    client.on('error', () => undefined);
    let known = false;
    let held: Socket | undefined;
    const hold = async (): Promise<Socket> => {
      held = free.pop() ?? (await new Promise<Socket>((resolve) => waiting.push(resolve)));
      held.removeAllListeners('data');
      held.on('data', (answer: Buffer) => {
        client.write(answer);
        const idle = answer.subarray(-6).equals(COME_IN.subarray(-6));
        if (!idle || held === undefined) return;
        const [next] = waiting.splice(0, 1);
        if (next) next(held);
        else free.push(held);
        held = undefined;
      });
      return held;
    };
    client.on('data', async (data: Buffer) => {
      if (!known && data.readInt32BE(4) === TLS_REQUEST) return void client.write(NO_TLS);
      if (!known) {
        known = true;
        return void client.write(COME_IN);
      }
      if (mode === 'statement' && data.includes('begin')) return void client.end(NO_TRANSACTIONS);
      // A goodbye is for the pooler, not for the server.
      if (data[0] !== 'X'.charCodeAt(0)) (held ?? (await hold())).write(data);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    env: { ...env, PGHOST: '127.0.0.1', PGPORT: String((server.address() as AddressInfo).port) },
    async [Symbol.asyncDispose]() {
      for (const socket of [...clients, ...made]) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}
