import * as z from 'zod';
import { file, id, someTime, text } from './fields.ts';
import { argv, common, expectation, option, request, signatures, within } from './step-parts.ts';
import { backfill, check, index, isolation, measure, policies, sql } from './target-steps.ts';

const command = z.strictObject({
  ...common,
  kind: z.literal('command').meta({ description: 'Runs a program' }),
  run: argv,
  verify: argv.optional().meta({ description: 'Exits 0 when the command has already been done' }),
  expect: expectation.optional(),
});

const http = z.strictObject({
  ...common,
  kind: z.literal('http').meta({ description: 'Asks the application' }),
  requests: z.array(request).min(1),
  verify: z
    .array(request)
    .min(1)
    .optional()
    .meta({ description: 'Answered as expected only when the requests have already been put' }),
  runs: z.int().min(1).default(1).meta({ description: 'How often each request is put' }),
  against: id
    .optional()
    .meta({ description: 'An earlier http step with the same requests, to compare the times with' }),
  within: within.optional(),
});

const evidence = z.array(file).default([]).meta({ description: 'Queries whose rows are shown with the question' });

const who = z.array(id).default([]).meta({ description: 'Roles that may answer; by default any' });

const manual = z.strictObject({
  ...common,
  kind: z.literal('manual').meta({ description: 'A checklist for people' }),
  items: z.array(text).min(1).meta({ description: 'What is ticked off' }),
  evidence,
  tables: z.string().optional().meta({ description: 'Run the evidence once for each item of this list' }),
  who,
});

const decision = z.strictObject({
  ...common,
  kind: z.literal('decision').meta({ description: 'A question to people' }),
  question: text,
  evidence,
  tables: z.string().optional().meta({ description: 'Run the evidence once for each item of this list' }),
  ask: z
    .enum(['always', 'if-rows'])
    .default('always')
    .meta({ description: 'if-rows: only when the evidence has rows' }),
  options: z.array(option).min(1),
  who,
  signatures,
});

const signoff = z.strictObject({
  ...common,
  kind: z.literal('signoff').meta({ description: 'A signature' }),
  role: id,
  statement: text,
  signatures,
  valid_for: someTime
    .optional()
    .meta({ description: 'Asked for again when what follows (before the window: the window) begins later than this' }),
  not_by_author: z.literal(true).optional().meta({
    description:
      'Not to be given by whoever wrote the last change of the runbook: approvals.author, else the author of its last commit, known by the mail, else the name, of somebody in roles',
  }),
  proposal: z
    .enum(['completed', 'rollback-required', 'validation', 'production-ready'])
    .optional()
    .meta({ description: 'The answer is proposed from the run' }),
});

const notify = z.strictObject({
  ...common,
  kind: z.literal('notify').meta({ description: 'Mails and posts' }),
  messages: z.array(id).min(1),
});

const monitor = z.strictObject({
  ...common,
  kind: z.literal('monitor').meta({ description: 'Watches numbers for a while' }),
  for: someTime,
  every: someTime,
  samples: z
    .array(
      z.strictObject({
        id,
        sql: file.optional(),
        request: request.optional(),
        at_most: z
          .number()
          .optional()
          .meta({ description: 'Of the first column of the first row; of a request, in ms' }),
        times: z.number().positive().optional().meta({ description: 'At most this many times the baseline' }),
        or_ms: z.number().min(0).default(0),
        against: id.optional().meta({ description: 'The http step that holds the baseline of this request' }),
      }),
    )
    .min(1),
});

export const step = z.discriminatedUnion('kind', [
  check,
  sql,
  backfill,
  index,
  policies,
  isolation,
  measure,
  command,
  http,
  manual,
  decision,
  signoff,
  notify,
  monitor,
]);

export type Step = z.output<typeof step>;
export type StepKind = Step['kind'];
export type StepOf<K extends StepKind> = Extract<Step, { kind: K }>;
