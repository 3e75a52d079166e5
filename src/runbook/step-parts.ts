import * as z from 'zod';
import { duration, file, id, someTime, text } from './fields.ts';

/** What a person's choice leads to. `accept` finishes the step with an exception on record; `retry` does it again. */
export const effect = z.enum(['proceed', 'retry', 'accept', 'roll-back', 'abort']).meta({
  description: 'accept: the step passes, with an exception on record; abort: the run ends, and nothing is undone',
});

/** One thing a person may choose at a prompt, with its consequence in a sentence. */
export const option = z.strictObject({
  choose: id,
  says: text.meta({ description: 'What happens when this is chosen, in one sentence' }),
  effect,
  reason: z.boolean().default(false).meta({ description: 'A written reason is required' }),
});

export const vars = z
  .record(z.string(), z.string())
  .default({})
  .meta({ description: 'Variables of the SQL, beside the settings and the item: :name as psql fills them in' });

const undo = z.strictObject({
  export: z
    .array(file)
    .default([])
    .meta({ description: 'Queries whose rows are kept, as CSV beside the report, before `files` are run' }),
  files: z.array(file).default([]).meta({ description: 'SQL, run in one transaction' }),
  estimate: duration.optional(),
});

export const common = {
  id,
  title: text,
  note: text.optional().meta({ description: 'Shown to the person at the keyboard while the step runs' }),
  owner: id.optional().meta({ description: 'The role that sees to it; by default that of the activity' }),
  estimate: duration.optional(),
  timeout: someTime.optional(),
  for_each: z.string().optional().meta({ description: 'Repeat the step for each item of this list' }),
  when: z
    .strictObject({ decision: id, chose: z.array(id).min(1) })
    .optional()
    .meta({
      description:
        'Only when that decision or sign-off was answered so; skipped otherwise. Or what a choice does, before it retries, after the failure of a later step',
    }),
  on_failure: z
    .array(option)
    .min(1)
    .optional()
    .meta({ description: 'What may be chosen when it fails; by default retry, roll back, abort' }),
  undo: undo
    .optional()
    .meta({ description: 'How a rollback takes it back; steps of index and policies take back their own without it' }),
};

/** Whether some number lies between. */
const possible = ({ at_least, at_most }: { at_least?: number | undefined; at_most?: number | undefined }) =>
  (at_least ?? Number.NEGATIVE_INFINITY) <= (at_most ?? Number.POSITIVE_INFINITY);
const POSSIBLE = 'at_least is more than at_most; nothing is both';
export const SOMETHING = 'is empty; it could not fail';
export const holdsSomething = (part: object) => Object.keys(part).length > 0;

/** What a check or a command must show. Every part given must hold. */
export const expectation = z
  .strictObject({
    rows: z
      .union([
        z.int().min(0),
        z
          .strictObject({ at_least: z.int().optional(), at_most: z.int().optional() })
          .refine(holdsSomething, SOMETHING)
          .refine(possible, POSSIBLE),
      ])
      .optional(),
    value: z
      .strictObject({
        equals: z.union([z.string(), z.number(), z.boolean()]).optional(),
        at_least: z.number().optional(),
        at_most: z.number().optional(),
      })
      .refine(holdsSomething, SOMETHING)
      .refine(possible, POSSIBLE)
      .optional()
      .meta({ description: 'Of the first column of the first row' }),
    matches: z.string().optional().meta({ description: 'A regular expression the output must match' }),
    exit: z.int().optional().meta({ description: 'The exit code of a command; by default 0' }),
  })
  .refine(holdsSomething, SOMETHING);

/** A program and its arguments. */
export const argv = z.array(z.string()).min(1).meta({
  description: 'The program and its arguments, like [make, upgrade]; no shell reads it. It is run in rehearsals, too',
});

/** One HTTP request of a probe. `capture` keeps values of the JSON answer for the requests after it. */
export const request = z.strictObject({
  id,
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).default('GET'),
  url: text.meta({ description: 'Asked in rehearsals, too; rehearsal.settings may point it elsewhere' }),
  headers: z.record(z.string(), z.string()).default({}),
  body: z.json().optional(),
  timeout: someTime.default(5_000),
  expect: z
    .strictObject({
      status: z.int().default(200),
      matches: z.string().optional(),
      value: z
        .strictObject({ at: text, at_most: z.number().optional(), at_least: z.number().optional() })
        .refine((part) => Object.keys(part).length > 1, 'needs at_most or at_least')
        .refine(possible, POSSIBLE)
        .optional()
        .meta({ description: 'A number in the JSON answer, by dotted path' }),
    })
    .prefault({}),
  capture: z.record(z.string(), z.string()).default({}).meta({ description: 'name: dotted path into the JSON answer' }),
});

export const within = z.strictObject({
  times: z.number().positive(),
  or_ms: z.number().min(0).default(0).meta({ description: 'Never a breach below this many milliseconds' }),
});

export type Option = z.output<typeof option>;
export type Effect = z.output<typeof effect>;
export type Expectation = z.output<typeof expectation>;
export type Request = z.output<typeof request>;
export type Within = z.output<typeof within>;

/** Whether an answer counts only with an SSH signature: of a step, of a role's sign-offs and approvals, or of all of them. */
export const signatures = z.literal('required').optional().meta({
  description:
    'Sign-offs and approvals, and the answers of a decision that says so itself, count only with an SSH signature by a key of the person',
});
