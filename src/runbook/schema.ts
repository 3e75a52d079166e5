import * as z from 'zod';
import { duration, file, id, instant, plannedAt, someTime, text } from './fields.ts';
import { NoSignerKey, signerKey } from './signer-keys.ts';
import { request, signatures } from './step-parts.ts';
import { step } from './step-schema.ts';

/** A public key, in the words of `signerKey`. */
const key = text
  .superRefine((line, found) => {
    try {
      signerKey(line);
    } catch (error) {
      if (!(error instanceof NoSignerKey)) throw error;
      found.addIssue({ code: 'custom', message: error.message });
    }
  })
  .meta({ description: 'A line of a .pub file; valid-before="20261231Z" and the like may stand before it' });

export const role = z.strictObject({
  title: text,
  people: z
    .array(z.strictObject({ name: text, mail: z.email().optional(), keys: z.array(key).min(1).optional() }))
    .default([])
    .meta({
      description: 'Who has this role. Whoever has to answer is named here, whoever signs also with their SSH keys',
    }),
  signatures,
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
    mail: id.optional().meta({ description: 'The audience it goes to' }),
    status: z
      .enum(['scheduled', 'in-progress', 'verifying', 'completed', 'extended', 'rolled-back', 'cancelled'])
      .optional()
      .meta({ description: 'What the status page says, with the body below it' }),
    subject: text.optional(),
    body: text.meta({
      description:
        'May use {{title}}, {{settings.…}}, {{window.date}} (10 November 2025), {{window.hours}} (02:00-06:00 UTC), {{window.opens}} and {{window.closes}} (the time alone, here and in the zones), {{window.duration}}, {{percent}}, {{step}}, {{issue}}, {{current_status}}, {{expected}}, {{outcome}}, {{journal.records}}, {{journal.head}}',
    }),
  })
  .refine((it) => (it.mail === undefined) !== (it.status === undefined), 'needs either mail (an audience) or status')
  .refine((it) => it.mail === undefined || it.subject !== undefined, 'a mail needs a subject');

export const activity = z.strictObject({
  id,
  title: text,
  at: plannedAt.meta({ description: 'Planned start: "02:30" (UTC), -48h before the opening, +24h after the close' }),
  estimate: duration.default(0),
  owner: id.meta({ description: 'The role that sees to it' }),
  steps: z.array(step).default([]).meta({ description: 'Performed in this order' }),
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
  opens: instant.meta({ description: 'Like 2025-11-10T02:00:00Z' }),
  closes: instant.meta({ description: 'Like 2025-11-10T06:00:00Z' }),
  timezones: z.array(z.string()).default([]).meta({ description: 'Shown beside UTC, like Europe/Berlin' }),
});

/** A list as it is written: items, and names of other lists, whose items stand in their place. */
export const list = z.array(z.union([z.string(), z.record(z.string(), z.string())])).min(1);
export type WrittenList = z.output<typeof list>;

/** The items that a list spells out itself; none when there is no such list. */
export function ownItems(written: Record<string, WrittenList>, name: string): Item[] {
  const entries = Object.hasOwn(written, name) ? written[name] : undefined;
  return (entries ?? []).filter((entry) => typeof entry !== 'string');
}

/** Every list with all of its items; a name that is no list's adds none. */
export function spelledOut(written: Record<string, WrittenList>): Record<string, Item[]> {
  const all = (entries: WrittenList) =>
    entries.flatMap((entry) => (typeof entry === 'string' ? ownItems(written, entry) : [entry]));
  return Object.fromEntries(Object.entries(written).map(([name, entries]) => [name, all(entries)]));
}

export const lists = z.record(z.string(), list).default({}).transform(spelledOut);

export const rollback = z.strictObject({
  approver: id.meta({ description: 'The role that approves a rollback, and changed files' }),
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
  message: id.meta({ description: 'The post of every so often' }),
  at_percent: z
    .array(z.number().min(0).max(100))
    .default([])
    .meta({ description: 'Posted as well when this much is complete' }),
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
  target: z
    .strictObject({ schemas: z.array(z.string()).min(1).default(['public']) })
    .prefault({})
    .meta({ description: 'The schemas that are fingerprinted. Which database it is comes from PG* or DATABASE_URL' }),
  settings: z
    .record(z.string(), z.string())
    .default({})
    .meta({ description: 'Used as {{settings.name}} and as variables of the SQL; no secrets' }),
  roles: z.record(id, role),
  signatures,
  approvals: z
    .strictObject({
      one_person_may_fill: z
        .array(z.array(id).min(2))
        .default([])
        .meta({ description: 'Roles whose sign-offs one and the same person may give; without it, no two' }),
      author: text.optional().meta({
        description: 'Who wrote the last change, for not_by_author; by default the author of its last commit',
      }),
    })
    .prefault({}),
  lists: lists.meta({
    description: 'What steps are repeated for: for_each, tables. The name of another list stands for its items',
  }),
  audiences: z.record(id, audience).default({}),
  messages: z.record(id, message).default({}).meta({ description: 'Mails and posts of the status page' }),
  mail: z.strictObject({ from: sender, reply_to: replyTo.optional() }).optional(),
  status: status.optional().meta({ description: 'A status page and the posts of every so often' }),
  announce,
  watches: z
    .array(watch)
    .default([])
    .meta({ description: 'Probes of the application, asked all through the window; they measure downtime' }),
  prepare: z.array(activity).default([]).meta({ description: 'What is done before the window opens' }),
  timeline: z.array(activity).min(1).meta({ description: 'What is done in the window' }),
  after: z.array(activity).default([]).meta({ description: 'What is done once the window has closed' }),
  rollback,
  success: z.array(criterion).default([]).meta({ description: 'Judged from the run, for the report' }),
  risks: z.array(risk).default([]).meta({ description: 'Shown in the report; a tripwire is watched' }),
  rehearsal: z
    .strictObject({
      settings: z.record(z.string(), z.string()).default({}).meta({
        description:
          'In place of those above: a rehearsal runs the commands and puts the requests of the runbook for real',
      }),
      answers: z
        .record(z.string(), answer)
        .default({})
        .meta({ description: 'What `rehearse --auto` answers, by the id of the step' }),
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
