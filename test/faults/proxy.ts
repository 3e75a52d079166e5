import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Which way: from the program to the server, or back. */
export type Way = 'there' | 'back';

/** What becomes of a connection when it is cut. */
export type Cut =
  /** After so many bytes that way, over all connections, at whatever byte that is. */
  | { way: Way; bytes: number }
  /** At the nth COMMIT: not sent, sent but for its last bytes, sent and the line cut at once, or only its answer lost. */
  | { commit: number; at: 'before' | 'torn' | 'sent' | 'answered' };

/** A way to the server that is cut once, as planned. Closed by `await using`. */
export interface Line extends AsyncDisposable {
  /** PG* variables that lead through it. */
  env: Record<string, string>;
  /** What has gone through, and how often COMMIT. */
  bytes: Record<Way, number>;
  commits: number;
  /** Whether the cut has come about. */
  cut: boolean;
}

/** The simple query of the protocol that is nothing but COMMIT. */
const COMMIT = Buffer.from('commit\0');
const isCommit = (data: Buffer) => data[0] === 0x51 && data.subarray(5).equals(COMMIT);

/**
 * @param env PG* variables of the server
 * @param cut what to do to the connection; without one, it only counts
 * @param onCut called at the moment of the cut, which waits for it
 */
export async function openProxy(
  env: Record<string, string>,
  cut?: Cut,
  onCut: () => Promise<void> = async () => undefined,
): Promise<Line> {
  const sockets = new Set<Socket>();
  const proxy = { bytes: { there: 0, back: 0 }, commits: 0, cut: false };

  const server = createServer((client) => {
    const upstream = connect(Number(env.PGPORT), env.PGHOST);
    const both = [client, upstream];
    for (const socket of both) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        for (const each of both) each.destroy();
      });
    }
    // The answer to this connection's COMMIT is the one to lose.
    let losing = false;

    const sever = async () => {
      await onCut();
      for (const each of both) each.destroy();
    };

    /** How much of this to pass on before the cut; undefined: all of it, and no cut. */
    const upTo = (way: Way, data: Buffer): number | undefined => {
      if (cut === undefined || proxy.cut) return undefined;
      if ('way' in cut) {
        const over = proxy.bytes[way] - cut.bytes;
        return cut.way === way && over >= 0 ? data.length - over : undefined;
      }
      if (way === 'back') return losing ? 0 : undefined;
      if (!isCommit(data) || proxy.commits !== cut.commit) return undefined;
      losing = cut.at === 'answered';
      return { before: 0, torn: data.length - 3, sent: data.length, answered: undefined }[cut.at];
    };

    const pass = (way: Way, from: Socket, to: Socket) =>
      from.on('data', (data: Buffer) => {
        proxy.bytes[way] += data.length;
        if (way === 'there' && isCommit(data)) proxy.commits += 1;
        const passed = upTo(way, data);
        if (passed === undefined) {
          to.write(data);
          return;
        }
        from.pause();
        proxy.cut = true;
        to.write(data.subarray(0, passed), () => void sever());
      });
    pass('there', client, upstream);
    pass('back', upstream, client);
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
