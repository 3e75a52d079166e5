import { dirname, resolve } from 'node:path';
import type { Failure, OutgoingMessage } from '../run/events.ts';
import type { Outbox } from '../run/outbox.ts';
import { redactor } from '../run/redact.ts';
import type { RunState } from '../run/state.ts';
import type { Runbook } from '../runbook/plan.ts';
import { fill } from '../runbook/template.ts';
import type { Deliveries } from './deliveries.ts';
import { dueMessages } from './due.ts';
import { letterTo } from './letter.ts';
import { MailRefused, MailUnfinished, sendMail, serverWords, tell } from './mail.ts';
import { writeStatusPage } from './status-page.ts';

/** There is no mail server to send to. */
export class NoMailServer extends Error {
  readonly advice =
    'Set SMTP_URL, like smtps://user:password@mail.example.com, and carry on with `runbook run`, or, once it is over, `runbook notify send`.';
  constructor() {
    super('There are mails to send, but SMTP_URL is not set.');
    this.name = 'NoMailServer';
  }
}

const FIRST_RETRY = 30_000;
const LONGEST_RETRY = 600_000;
/** With the waits above this is some three and a half hours: the length of a night. */
const MOST_ATTEMPTS = 24;

export interface OutboxOptions {
  runbook: Runbook;
  run: string;
  env: Record<string, string | undefined>;
  /** Addresses found by an audience's query in the target database. */
  queryAudience(sql: string): Promise<string[]>;
  /** Who has been written to so far, whoever conducted then. */
  deliveries: Deliveries;
}

/** Sends a run's mails over SMTP_URL and keeps its status page. Opened by the conductor, so there is one for a run. */
export function openOutbox({ runbook, run, env, queryAudience, deliveries }: OutboxOptions): Outbox {
  const closing = new AbortController();
  const atWork = new Set<Promise<unknown>>();
  const { redact } = redactor(env);

  async function addressesOf(audience: string): Promise<string[]> {
    const { addresses = [], sql } = runbook.document.audiences[audience] ?? {};
    const source = sql === undefined ? undefined : runbook.sources.files[sql];
    return source ? [...addresses, ...(await queryAudience(source.text))] : addresses;
  }

  async function mail(message: OutgoingMessage): Promise<{ recipients: number; detail: string }> {
    if (!env.SMTP_URL) throw new NoMailServer();
    const addresses = await addressesOf(message.audience ?? '');
    if (addresses.length === 0) return { recipients: 0, detail: `the audience ${message.audience} is empty` };
    const letter = (to: string) => letterTo(to, message, runbook, run);
    const tally = await sendMail(env.SMTP_URL, addresses, letter, deliveries, closing.signal);
    return { recipients: tally.reached, detail: tell(tally) };
  }

  async function post(message: OutgoingMessage, state: RunState): Promise<{ recipients: number; detail: string }> {
    const { title, settings, status } = runbook.document;
    if (status?.page === undefined) return { recipients: 0, detail: 'the runbook names no status page' };
    const page = resolve(dirname(runbook.sources.yaml.path), fill(status.page, { settings }, 'keep'));
    const owed = Object.values(state.messages).map((each) => each.message);
    const all = owed.some((each) => each.id === message.id) ? owed : [...owed, message];
    const posts = all.filter((each) => each.channel === 'status');
    await writeStatusPage(page, { title, posts });
    return { recipients: 0, detail: page };
  }

  return {
    due: (state, outlook, now) => dueMessages(runbook, state, outlook, now),

    async deliver(message, state) {
      const delivering = message.channel === 'mail' ? mail(message) : post(message, state);
      atWork.add(delivering);
      return await delivering.finally(() => atWork.delete(delivering));
    },

    explain(error, attempts) {
      const failure = failureOf(error);
      const retryInMs = Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** Math.max(0, attempts - 1));
      return {
        failure: { ...failure, message: redact(failure.message) },
        retryInMs: error instanceof MailRefused || attempts >= MOST_ATTEMPTS ? null : retryInMs,
      };
    },

    async close() {
      closing.abort();
      await Promise.allSettled(atWork);
    },
  };
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const cause = error.cause instanceof Error ? error.cause : undefined;
  const words = serverWords(cause);
  const isMail = error instanceof MailUnfinished || error instanceof MailRefused;
  const message = isMail && words !== '' ? `${error.message} The last answer: ${words}` : error.message;
  const ownAdvice = 'advice' in error && typeof error.advice === 'string' ? error.advice : undefined;
  const advice = isMail ? mailAdvice(error, cause) : ownAdvice;
  const code = cause && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  return {
    name: error.name,
    message,
    ...(advice === undefined ? {} : { advice }),
    ...(code === undefined ? {} : { code }),
  };
}

function mailAdvice(error: Error, cause: Error | undefined): string {
  const code = cause && 'code' in cause ? cause.code : undefined;
  if (code === 'EAUTH') return 'The mail server does not accept the user or password of SMTP_URL.';
  if (error instanceof MailRefused) return 'Ask whoever runs the mail server, and tell the people by another way.';
  return 'The migration does not wait for this. It is tried again; only people not reached yet are written to.';
}
