import * as z from 'zod';
import { effect } from '../runbook/step-parts.ts';
import type { RunEvent } from './events.ts';

const text = z.string();
const number = z.number();
const texts = z.array(text);
/** A measured number; of one that was none, JSON has made null. */
const figure = z.custom<number>((value) => typeof value === 'number' || value === null);
const yes = z.literal(true).exactOptional();

const person = z.object({ name: text, role: text });
const evidence = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('rows'), title: text, columns: texts, rows: z.array(texts), more: number }),
  z.object({ kind: z.literal('text'), title: text, text }),
]);
const result = z.object({
  summary: text,
  facts: z.record(text, z.union([text, z.boolean(), figure])).exactOptional(),
  evidence: z.array(evidence).exactOptional(),
  exceptions: texts.exactOptional(),
  owes: texts.exactOptional(),
});
const failure = z.object({
  name: text,
  message: text,
  advice: text.exactOptional(),
  code: text.exactOptional(),
  evidence: z.array(evidence).exactOptional(),
  hard: yes,
});
const program = z.object({ host: text, pid: number, started: text });
const target = z.object({
  system: text,
  database: text,
  role: text,
  version: text,
  timeline: number,
  where: text,
  marker: text,
});
const file = z.object({ path: text, text, hash: text });
const sources = z.object({ yaml: file, files: z.record(text, file) });
const people = {
  people: z.record(text, texts),
  signers: z.record(text, texts).exactOptional(),
  together: z.array(texts).exactOptional(),
  author: text.exactOptional(),
};
const prompt = z.object({
  id: text,
  round: number,
  kind: z.enum(['decision', 'signoff', 'manual', 'failure', 'in-doubt', 'target', 'rollback', 'change', 'tripwire']),
  step: text.exactOptional(),
  question: text,
  evidence: z.array(evidence),
  options: z.array(z.object({ choose: text, says: text, effect, reason: z.boolean(), approves: yes })),
  who: texts,
  notBy: z.array(z.object({ name: text, why: text })).exactOptional(),
  items: texts.exactOptional(),
  proposal: text.exactOptional(),
  signed: yes,
});
const answer = z.object({
  prompt: text,
  round: number,
  choose: text,
  reason: text.exactOptional(),
  by: person,
  proof: z.enum(['signed', 'named', 'rehearsal']),
  from: text,
  binds: text.exactOptional(),
  signature: text.exactOptional(),
});
const request = z.enum([
  'begin-early',
  'pause',
  'resume',
  'stop',
  'roll-back',
  'faster',
  'slower',
  'workers',
  'stop-unanswered',
  'hand-over',
  'take-over',
]);
const message = z.object({
  id: text,
  message: text,
  channel: z.enum(['mail', 'status']),
  state: text.exactOptional(),
  audience: text.exactOptional(),
  subject: text.exactOptional(),
  body: text,
  dueAt: number,
});

/** What each event holds beside its type. */
const SHAPES: { [T in RunEvent['type']]: z.ZodType<Omit<Extract<RunEvent, { type: T }>, 'type'>> } = {
  'run-opened': z.object({
    run: text,
    sources,
    opens: number,
    settings: z.record(text, text),
    rehearsal: z.boolean(),
    by: person,
    ...people,
  }),
  'change-proposed': z.object({ sources, diff: text, by: person, reason: text, ...people }),
  'signoff-lapsed': z.object({ step: text, why: text }),
  'conductor-started': z.object({ host: text, pid: number, token: number, by: person }),
  'conductor-left': z.object({ why: text }),
  'conductor-noted': z.object({ note: text }),
  'target-bound': z.object({ target }),
  'target-doubted': z.object({ target, why: text, lost: texts }),
  'clock-jumped': z.object({ byMs: number }),
  'window-began': z.object({}),
  'step-begun': z.object({ step: text, attempt: number }),
  'step-sampled': z.object({ step: text, values: z.record(text, figure) }),
  'step-noted': z.object({ step: text, note: text }),
  'program-started': z.object({ step: text, program }),
  'step-asked': z.object({ step: text, result }),
  'step-finished': z.object({ step: text, attempt: number, result, workMs: number }),
  'step-skipped': z.object({ step: text, why: text }),
  'step-failed': z.object({ step: text, attempt: number, failure, workMs: number }),
  'step-not-done': z.object({ step: text, why: text }),
  'undo-begun': z.object({ step: text }),
  'undo-finished': z.object({ step: text, result, workMs: number }),
  'undo-failed': z.object({ step: text, failure, workMs: number }),
  'prompt-opened': z.object({ prompt }),
  'prompt-answered': z.object({ answer }),
  'prompt-settled': z.object({ prompt: text, round: number }),
  'prompt-closed': z.object({ prompt: text, round: number, why: text }),
  requested: z.object({ request, by: person, reason: text.exactOptional(), workers: number.exactOptional() }),
  'rollback-begun': z.object({ reason: text }),
  'message-owed': z.object({ message }),
  'message-sent': z.object({ id: text, recipients: number, detail: text }),
  'message-failed': z.object({ id: text, failure, retryAt: number.nullable() }),
  'watch-sampled': z.object({
    watch: text,
    asked: number,
    failed: number,
    downMs: figure,
    p50Ms: figure,
    p99Ms: figure,
  }),
  warned: z.object({ warning: text, host: text }),
  'terminal-attached': z.object({ terminal: text, by: person }),
  'terminal-left': z.object({ terminal: text, by: person, silent: yes }),
  'run-finished': z.object({ outcome: z.enum(['done', 'aborted', 'rolled-back']), why: text }),
};

/** What is wrong with a value that should be an event, in words that follow “Record 7”; null when nothing is. */
export function misshapen(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || !('type' in value)) return 'is no event';
  const type = String(value.type);
  const shape = Object.hasOwn(SHAPES, type) ? SHAPES[type as RunEvent['type']] : undefined;
  if (shape === undefined) return `is of a type that this version of runbook does not know, “${type}”`;
  const issue = shape.safeParse(value).error?.issues[0];
  return issue === undefined ? null : `is no “${type}” of this version of runbook, by its ${issue.path.join('.')}`;
}
