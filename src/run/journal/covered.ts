import type { RunEvent } from '../events.ts';
import type { Redactor } from '../redact.ts';
import type { Journal, Lease, Pulse } from './journal.ts';

/** Somebody is about to put a secret on record. */
export class SecretInAnswer extends Error {
  constructor() {
    super('This holds a password or another secret that is known here, and would be kept for good. Say it without.');
    this.name = 'SecretInAnswer';
  }
}

/**
 * Keys whose values are text for people. Names, by which things refer to each other, stay as they are: a password may well
 * be the name of a table, too.
 */
const TEXT = new Set([
  'note',
  'why',
  'reason',
  'question',
  'summary',
  'title',
  'text',
  'rows',
  'exceptions',
  'subject',
  'body',
  'detail',
]);

/** A value of plain data with what is text for people covered. */
function covered<T>(value: T, redact: Redactor['redact'], text = false): T {
  if (typeof value === 'string') return (text ? redact(value) : value) as T;
  if (Array.isArray(value)) return value.map((each) => covered(each, redact, text)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, covered(each, redact, text || TEXT.has(key))]),
  ) as T;
}

function coveredEvent(event: RunEvent, redact: Redactor['redact']): RunEvent {
  // The sources are pinned to the byte.
  if (event.type === 'run-opened' || event.type === 'change-proposed') return event;
  if (event.type !== 'prompt-answered') return covered(event, redact);
  const { reason } = event.answer;
  // What was answered is bound, and perhaps signed, as it is.
  if (reason !== undefined && redact(reason) !== reason) throw new SecretInAnswer();
  return event;
}

/**
 * A journal that known secrets do not reach, whoever writes to it.
 * @throws SecretInAnswer from `append`
 */
export function coveredJournal(journal: Journal, { redact }: Pick<Redactor, 'redact'>): Journal {
  return {
    ...journal,
    append: async (writer, at, events) =>
      journal.append(
        writer,
        at,
        events.map((event) => coveredEvent(event, redact)),
      ),
    pulse: (lease: Lease, pulse: Pulse) => journal.pulse(lease, covered(pulse, redact)),
  };
}
