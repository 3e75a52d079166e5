import * as z from 'zod';
import { duration, file, id, instant, plannedAt, someTime, text } from './fields.ts';
import { request, step } from './step-schema.ts';

export const role = z.strictObject({
  title: text,
  people: z.array(z.strictObject({ name: text, mail: z.email().optional() })).default([]),
});

/** People a mail goes to: addresses of the runbook, or of the target database by query. */
export const audience = z.strictObject({
  addresses: z.array(z.email()).default([]),
  sql: file.optional().meta({ description: 'A query whose first column is the address' }),
});

/** Who mails are from, as it stands in their head: `Operations <ops@example.com>`. */
const sender = text.refine((written) => {
  if (/\p{Cc}/u.test(written)) return false;
  return written.includes('{{') || z.email().safeParse(/<([^<>]*)>\s*$/.exec(written)?.[1] ?? written).success;
}, 'is no sender; write it like Operations <ops@example.com>');

/** An address as written, or a placeholder for one. */
const replyTo = text.refine(
  (written) => (written.includes('{{') && !/\p{Cc}/u.test(written)) || z.email().safeParse(written).success,
  'is no mail address; write one, or {{settings.…}}',
);

/** A mail has `mail` (an audience), a status post has `status`. */
export const message = z
  .strictObject({
    mail: id.optional(),
    status: z
      .enum(['scheduled', 'in-progress', 'verifying', 'completed', 'extended', 'rolled-back', 'cancelled'])
      .optional(),
    subject: text.optional(),
    body: text,
  })
  .refine((it) => (it.mail === undefined) !== (it.status === undefined), 'needs either mail (an audience) or status')
  .refine((it) => it.mail === undefined || it.subject !== undefined, 'a mail needs a subject');

export const activity = z.strictObject({
  id,
  title: text,
  at: plannedAt,
  estimate: duration.default(0),
  owner: id,
  steps: z.array(step).default([]),
});

/** How a success criterion is proved. Exactly one of the proofs. */
export const criterion = z.strictObject({
  id,
  says: text,
  steps: z
    .array(id)
    .optional()
    .meta({ description: 'Met when all of these steps passed; with exceptions when one was accepted' }),
  window_within: someTime.optional().meta({ description: 'Met when the window took less' }),
  downtime_within: someTime.optional().meta({ description: 'Met when the watched application was away for less' }),
  no_rollback: z.literal(true).optional(),
});

export const risk = z.strictObject({
  id,
  says: text,
  impact: text,
  probability: text,
  mitigation: text,
  tripwire: z
    .strictObject({ step: id, over: someTime })
    .optional()
    .meta({ description: 'Turns into a decision when the step takes longer' }),
});

export const answer = z.strictObject({ choose: id, reason: z.string().optional(), as: text });

export const window = z.strictObject({
  opens: instant,
  closes: instant,
  timezones: z.array(z.string()).default([]),
});

export const lists = z.record(z.string(), z.array(z.record(z.string(), z.string())).min(1)).default({});

export const rollback = z.strictObject({
  approver: id,
  estimate: duration.default(0),
  steps: z.array(step).default([]).meta({ description: 'Checks once everything has been undone' }),
  restore: z
    .array(text)
    .default([])
    .meta({ description: 'The way back by hand, shown when an undo fails; never performed by the program' }),
});

/** When the status page is written to besides the messages of the steps. */
export const status = z.strictObject({
  page: file.optional().meta({ description: 'The static HTML file the posts are written to' }),
  every: someTime,
  message: id,
  at_percent: z.array(z.number().min(0).max(100)).default([]),
});

/** Messages that go out when the run takes a turn of its own. */
export const announce = z
  .strictObject({
    extended: z.array(id).default([]),
    every: someTime
      .optional()
      .meta({ description: 'While it lasts, the mails of `extended` go out again after this long' }),
    rolled_back: z.array(id).default([]),
    cancelled: z.array(id).default([]),
  })
  .prefault({});

export const watch = z.strictObject({ id, title: text, request, every: someTime });

export const document = z.strictObject({
  runbook: z.literal(1).meta({ description: 'The version of this format' }),
  id,
  title: text,
  summary: text.optional(),
  window,
  target: z.strictObject({ schemas: z.array(z.string()).min(1).default(['public']) }).prefault({}),
  settings: z.record(z.string(), z.string()).default({}),
  roles: z.record(id, role),
  lists,
  audiences: z.record(id, audience).default({}),
  messages: z.record(id, message).default({}),
  mail: z.strictObject({ from: sender, reply_to: replyTo.optional() }).optional(),
  status: status.optional(),
  announce,
  watches: z
    .array(watch)
    .default([])
    .meta({ description: 'Probes of the application, asked all through the window; they measure downtime' }),
  prepare: z.array(activity).default([]),
  timeline: z.array(activity).min(1),
  after: z.array(activity).default([]),
  rollback,
  success: z.array(criterion).default([]),
  risks: z.array(risk).default([]),
  rehearsal: z
    .strictObject({
      settings: z.record(z.string(), z.string()).default({}).meta({ description: 'In place of those above' }),
      answers: z.record(z.string(), answer).default({}),
    })
    .prefault({}),
});

export type Document = z.output<typeof document>;
export type Activity = z.output<typeof activity>;
export type Message = z.output<typeof message>;
export type Criterion = z.output<typeof criterion>;
export type Risk = z.output<typeof risk>;
export type RehearsalAnswer = z.output<typeof answer>;
export type Item = Record<string, string>;

/** A file the runbook names, as it was when the runbook was read. `hash` is SHA-256 in hex. */
export interface SourceFile {
  path: string;
  text: string;
  hash: string;
}

/**
 * Everything a run needs to know, and all of it: kept in the journal when the run opens, so that conductor, terminals
 * and report work from the same text, whatever happens to the files afterwards.
 */
export interface Sources {
  yaml: SourceFile;
  files: Record<string, SourceFile>;
}
