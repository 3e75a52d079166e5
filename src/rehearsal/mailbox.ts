import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SMTPServer } from 'smtp-server';

/** A mail server that sends nothing on: every message it takes becomes a file. */
export interface Mailbox {
  /** For nodemailer: smtp://127.0.0.1:port */
  url: string;
  /** The folder of the .eml files, numbered in the order they came. */
  folder: string;
  received(): number;
  stop(): Promise<void>;
}

/** Starts an SMTP server on 127.0.0.1 that keeps what it gets in `folder`, which it makes. */
export async function startMailbox(folder: string): Promise<Mailbox> {
  await mkdir(folder, { mode: 0o700 });
  let begun = 0;
  let kept = 0;
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    onData(stream, _session, done) {
      begun += 1;
      const file = join(folder, `${String(begun).padStart(5, '0')}.eml`);
      // Under its own name only once it is whole.
      pipeline(stream, createWriteStream(`${file}.part`, { mode: 0o600 }))
        .then(() => rename(`${file}.part`, file))
        .then(() => {
          kept += 1;
          done();
        }, done);
    },
  });
  // A client that drops its connection is the client's affair.
  server.on('error', () => undefined);
  const listening = server.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const address = listening.address();
  return {
    url: `smtp://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    folder,
    received: () => kept,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}
