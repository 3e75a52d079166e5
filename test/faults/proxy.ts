import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Which way: from the program to the server, or back. */
export type Way = 'there' | 'back';

/** What becomes of a connection when it is cut. */
export type Cut =
  /** After so many bytes that way, over all connections, at whatever byte that is. */
  | { way: Way; bytes: number }
  /**
   * At the nth COMMIT: not sent, sent but for its last bytes, sent and the line cut at once, or only its answer lost.
   * `as` is sent in its place.
   */
  | { commit: number; at: 'before' | 'torn' | 'sent' | 'answered'; as?: string };

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
const NOTHING = Buffer.alloc(0);
const isCommit = (data: Buffer) => data[0] === 0x51 && data.subarray(5).equals(COMMIT);

/** @see https://www.postgresql.org/docs/current/protocol-message-formats.html */
function query(text: string): Buffer {
  const message = Buffer.from(`Q\0\0\0\0${text}\0`);
  message.writeInt32BE(message.length - 1, 1);
  return message;
}

/**
 * @param env PG* variables of the server
 * @param cut what to do to the connection; without one, it only counts
 * @param onCut called when all before the cut has been passed on; the cut waits for it
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

    /** What to pass on of this, and whether the cut comes after it. */
    const upTo = (way: Way, came: Buffer): { data: Buffer; last: boolean } => {
      const whole = { data: came, last: false };
      if (cut === undefined || proxy.cut) return whole;
      if ('way' in cut) {
        const over = proxy.bytes[way] - cut.bytes;
        return cut.way === way && over >= 0 ? { data: came.subarray(0, came.length - over), last: true } : whole;
      }
      if (way === 'back') return losing ? { data: NOTHING, last: true } : whole;
      if (!isCommit(came) || proxy.commits !== cut.commit) return whole;
      losing = cut.at === 'answered';
      const data = cut.as === undefined ? came : query(cut.as);
      const length = { before: 0, torn: data.length - 3, sent: data.length, answered: data.length }[cut.at];
      return { data: data.subarray(0, length), last: !losing };
    };

    const pass = (way: Way, from: Socket, to: Socket) =>
      from.on('data', (came: Buffer) => {
        proxy.bytes[way] += came.length;
        if (way === 'there' && isCommit(came)) proxy.commits += 1;
        const { data, last } = upTo(way, came);
        if (!last) {
          to.write(data);
          return;
        }
        from.pause();
        proxy.cut = true;
        to.write(data, () => void sever());
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
