import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * A way to the server on which the answer to the next COMMIT is lost once `armed`: the server has committed, and the
 * client cannot know. Closed by `await using`.
 */
export async function commitProxy(env: Record<string, string>) {
  const sockets = new Set<Socket>();
  const proxy = { armed: false };
  const server = createServer((client) => {
    const upstream = connect(Number(env.PGPORT), env.PGHOST);
    let cutting = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (data) => {
      if (proxy.armed && /^Q....commit\0/s.test(data.toString('latin1'))) {
        proxy.armed = false;
        cutting = true;
      }
      upstream.write(data);
    });
    upstream.on('data', (data) => {
      if (cutting) client.destroy();
      else client.write(data);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return Object.assign(proxy, {
    env: { ...env, PGHOST: '127.0.0.1', PGPORT: String((server.address() as AddressInfo).port), PGSSLMODE: 'disable' },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  });
}
