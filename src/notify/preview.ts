import { fold } from '../run/fold/fold.ts';
import { GENESIS } from '../run/journal/chain.ts';
import type { Runbook } from '../runbook/plan.ts';
import { renderMessage } from './due.ts';
import { letterTo } from './letter.ts';
import { messageScope } from './scope.ts';

/** A message as one kind of recipient would get it. */
export interface Previewed {
  /** Its name in the runbook. */
  message: string;
  /** Who gets it, in words. */
  recipient: string;
  /** Of a mail: what stands above its text. */
  headers: [name: string, value: string][];
  body: string;
}

/**
 * Every message of a runbook as each kind of recipient would get it, half-way through a window that keeps to its plan.
 * Sends nothing, looks up nobody, and writes nothing.
 */
export function preview(runbook: Runbook): Previewed[] {
  const { opens, closes, sources, document } = runbook;
  const halfway = opens + (closes - opens) / 2;
  const nobody = { name: 'preview', role: '' };
  const state = fold(null, {
    seq: 1,
    at: opens,
    prev: '',
    hash: GENESIS,
    event: {
      type: 'run-opened',
      run: 'preview',
      sources,
      opens,
      settings: {},
      people: {},
      rehearsal: false,
      by: nobody,
    },
  });
  const scope = messageScope(runbook, state, { percent: 50, finishAt: closes }, halfway);
  return Object.keys(document.messages).flatMap((name) =>
    renderMessage(runbook, { id: name, message: name, at: halfway }, scope).flatMap((message): Previewed[] => {
      const common = { message: name, body: message.body };
      if (message.channel === 'status') {
        const recipient = `the status page, as “${message.state ?? ''}”`;
        return [{ ...common, recipient, headers: [] }];
      }
      const { addresses = [], sql } = document.audiences[message.audience ?? ''] ?? {};
      const found = sql === undefined ? [] : [`each address found by ${sql}`];
      return [...addresses, ...found].map((recipient) => {
        const { from, replyTo, subject } = letterTo(recipient, message, runbook, 'preview');
        const headers: Previewed['headers'] = [
          ['From', from],
          ...(replyTo === undefined ? [] : [['Reply-To', replyTo] satisfies [string, string]]),
          ['To', recipient],
          ['Subject', subject],
        ];
        return { ...common, recipient, headers };
      });
    }),
  );
}
