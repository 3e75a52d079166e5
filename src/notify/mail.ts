import type { NodemailerError } from 'nodemailer';
import type { Deliveries } from './deliveries.ts';
import { Lane } from './lane.ts';
import { isAddress, type Letter } from './letter.ts';

/**
 * How many people a mail reached, and how many not, over all attempts so far. `unusable`: what the audience holds is no
 * address. `waiting`: not reached yet.
 */
export interface Tally {
  reached: number;
  refused: number;
  unusable: number;
  unknown: number;
  waiting: number;
}

/** A tally in words, such as `9,998 reached, 2 refused by the mail server`. */
export function tell({ reached, refused, unusable, unknown, waiting }: Tally): string {
  const count = (some: number) => some.toString().replace(/\B(?=(\d{3})+$)/g, ',');
  const parts = [
    `${count(reached)} reached`,
    refused > 0 ? `${count(refused)} refused by the mail server` : '',
    unusable > 0 ? `${count(unusable)} left out because what is on file is no address` : '',
    unknown > 0 ? `${count(unknown)} handed over with the outcome unknown, not sent again` : '',
    waiting > 0 ? `${count(waiting)} not reached yet` : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

/** Not everybody has been reached yet; another attempt writes to those who are left. The cause is why the last one failed. */
export class MailUnfinished extends Error {
  readonly tally: Tally;
  constructor(tally: Tally, cause: Error | undefined) {
    super(`The mail is not through to everybody: ${tell(tally)}.`, { cause });
    this.name = 'MailUnfinished';
    this.tally = tally;
  }
}

/** The mail server wants this mail for none of its recipients; sending it again would not change that. */
export class MailRefused extends Error {
  constructor(tally: Tally, cause: Error | undefined) {
    super(`The mail was refused for everybody: ${tell(tally)}.`, { cause });
    this.name = 'MailRefused';
  }
}

const LANES = 4;

/**
 * The mail server's own words about a failure: without addresses, which are nobody's business in a journal, and on one
 * line.
 */
export function serverWords(error: Error | undefined): string {
  const { response, message = '' } = (error ?? {}) as NodemailerError;
  const line = (response ?? message).replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').replace(/\S*@\S*/g, '(address)');
  return line.trim().slice(0, 200);
}

/** The people written to: each address once, however it is capitalised. */
function recipients(addresses: readonly string[]): { usable: string[]; unusable: number } {
  const spellings = Map.groupBy(addresses, (each) => each.trim().toLowerCase()).values();
  const distinct = [...spellings].map(([first = '']) => first.trim());
  const usable = distinct.filter(isAddress);
  return { usable, unusable: distinct.length - usable.length };
}

/**
 * Sends a letter to each of these people, one mail each, over a few connections at once. What became of each is durable
 * before the next; called again, it goes on with those who are left.
 * @throws LeaseLost, JournalFailed when that cannot be put on record
 * @param letterTo the letter for an address
 * @param signal aborted when no further letter is to be begun
 * @throws MailUnfinished when some are left
 * @throws MailRefused when the server wanted none of them
 */
export async function sendMail(
  url: string,
  addresses: readonly string[],
  letterTo: (address: string) => Letter,
  deliveries: Deliveries,
  signal: AbortSignal,
): Promise<Tally> {
  const { usable, unusable } = recipients(addresses);
  const letters = usable.map(letterTo);
  const queue = letters.filter((letter) => deliveries.fate(letter.messageId) === undefined).values();
  let closed = false;
  let lastError: Error | undefined;

  async function work(): Promise<void> {
    const lane = new Lane(url);
    let noted = Promise.resolve();
    try {
      for (const letter of queue) {
        // Together with what became of the one before.
        await Promise.all([noted, deliveries.put(letter.messageId, 'begun')]);
        const sent = await lane.send(letter);
        noted = deliveries.put(letter.messageId, sent.fate === 'later' || sent.fate === 'closed' ? null : sent.fate);
        if (sent.fate !== 'reached') lastError = sent.error;
        if (sent.fate === 'closed') closed = true;
        if (closed || signal.aborted) break;
      }
      await noted;
    } finally {
      // What cannot be put on record any more is not done any more, by any lane.
      closed = true;
      lane.close();
    }
  }
  const worked = await Promise.allSettled(Array.from({ length: LANES }, work));
  for (const each of worked) if (each.status === 'rejected') throw each.reason;

  const tally = count(letters, deliveries, unusable);
  if (tally.waiting > 0) throw new MailUnfinished(tally, lastError);
  if (tally.refused + unusable > 0 && tally.reached + tally.unknown === 0) throw new MailRefused(tally, lastError);
  return tally;
}

function count(letters: Letter[], deliveries: Deliveries, unusable: number): Tally {
  const tally: Tally = { reached: 0, refused: 0, unusable, unknown: 0, waiting: 0 };
  for (const letter of letters) {
    const fate = deliveries.fate(letter.messageId);
    if (fate === 'reached' || fate === 'refused' || fate === 'unknown') tally[fate]++;
    else tally.waiting++;
  }
  return tally;
}
