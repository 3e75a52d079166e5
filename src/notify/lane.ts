import { createTransport, type NodemailerError } from 'nodemailer';
import type { Letter } from './letter.ts';

/** How sending one letter ended. `later`: certainly not delivered, and worth another try. */
export type Sent =
  | { fate: 'reached' }
  | { fate: 'refused' | 'later' | 'unknown'; error: Error }
  /** Nothing more can be sent for now: the server is away, or wants none of our mail. */
  | { fate: 'closed'; error: Error };

// Mail runs beside a migration. A server that does not answer is left and asked again later, rather than waited for.
const TIMEOUTS = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 30_000, dnsTimeout: 10_000 };

/**
 * One connection to the mail server, with one letter on its way at a time. The error of a lost connection is the same
 * before and after the final dot; the transport's log tells them apart, and with one letter at a time the log is about
 * that letter.
 */
export class Lane {
  readonly #transport;
  #handedOver = false;

  /** @param url `smtp://` or `smtps://`, with user and password where the server wants them */
  constructor(url: string) {
    const noteHandingOver = (entry: { tnx?: unknown }) => {
      if (entry.tnx === 'message') this.#handedOver = true;
    };
    this.#transport = createTransport({
      url,
      pool: true,
      maxConnections: 1,
      maxRequeues: 0,
      ...TIMEOUTS,
      transactionLog: true,
      logger: { info: noteHandingOver, debug: () => {}, warn: () => {}, error: () => {} },
      disableFileAccess: true,
      disableUrlAccess: true,
    });
  }

  /** Sends a letter, once more on a new connection when the old one turns out to have gone. Does not throw. */
  async send(letter: Letter): Promise<Sent> {
    const first = await this.#attempt(letter);
    return first.fate === 'closed' && first.lost ? await this.#attempt(letter) : first;
  }

  async #attempt(letter: Letter): Promise<Sent & { lost?: boolean }> {
    this.#handedOver = false;
    try {
      await this.#transport.sendMail({
        messageId: letter.messageId,
        from: letter.from,
        ...(letter.replyTo === undefined ? {} : { replyTo: letter.replyTo }),
        // As an object, the address is taken as it stands instead of being parsed for more than one.
        to: { name: '', address: letter.to },
        subject: letter.subject,
        text: letter.body,
        headers: { 'Auto-Submitted': 'auto-generated' },
      });
      return { fate: 'reached' };
    } catch (thrown) {
      const error = thrown as NodemailerError;
      const answered = error.responseCode !== undefined;
      if (this.#handedOver && !answered) return { fate: 'unknown', error };
      // An address the client itself will not put on the wire: to this server it cannot be written.
      if (error.code === 'EENVELOPE' && !answered) return { fate: 'refused', error };
      const aboutThisLetter = error.command === 'RCPT TO' || error.command === 'DATA';
      if (answered && error.responseCode !== 421 && aboutThisLetter) {
        return { fate: error.permanent ? 'refused' : 'later', error };
      }
      return { fate: 'closed', error, lost: !answered };
    }
  }

  close(): void {
    this.#transport.close();
  }
}
