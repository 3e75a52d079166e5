import { createHash } from 'node:crypto';
import type { OutgoingMessage } from '../run/events.ts';
import type { Runbook } from '../runbook/plan.ts';
import { fill } from '../runbook/template.ts';

/** One mail to one person, as it goes over the wire. */
export interface Letter {
  messageId: string;
  from: string;
  replyTo?: string;
  to: string;
  subject: string;
  body: string;
}

/** The runbook has mails but does not say who sends them. */
export class NoSender extends Error {
  constructor() {
    super(
      'The runbook has messages to mail but no sender. Give it one: mail: { from: "Operations <ops@example.com>" }.',
    );
    this.name = 'NoSender';
  }
}

// A line break within an address ends the SMTP command it stands in: what follows would be a recipient of somebody
// else's choice. Commas, colons, semicolons and brackets make several recipients of one. RFC 5321 allows 254 characters.
const ADDRESS = /^[^\s\p{Cc}\p{Cf}@<>()[\],:;"\\]+@[^\s\p{Cc}\p{Cf}@<>()[\],:;"\\]+$/u;

/** Whether this is one address that may be written into an SMTP command as it stands. */
export function isAddress(text: string): boolean {
  return text.length <= 254 && ADDRESS.test(text);
}

/**
 * The letter to one person. Its Message-ID follows from run, message and recipient, so that the same letter can be
 * recognised when it is tried again, here and at the other end.
 * @throws NoSender
 */
export function letterTo(to: string, message: OutgoingMessage, runbook: Runbook, run: string): Letter {
  const { mail, settings } = runbook.document;
  if (!mail) throw new NoSender();
  const from = fill(mail.from, { settings }, 'keep');
  const replyTo = mail.reply_to === undefined ? {} : { replyTo: fill(mail.reply_to, { settings }, 'keep') };
  const digest = createHash('sha256')
    .update(JSON.stringify([run, message.id, to.toLowerCase()]))
    .digest('hex')
    .slice(0, 32);
  const domain = /@([\w.-]+)>?\s*$/.exec(from)?.[1] ?? 'localhost';
  return {
    messageId: `<${digest}@${domain}>`,
    from,
    ...replyTo,
    to,
    subject: message.subject ?? '',
    body: message.body,
  };
}
