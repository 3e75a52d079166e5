import * as z from 'zod';
import { byteRate, file, id, someTime, text } from './fields.ts';
import { argv, common, expectation, holdsSomething, SOMETHING, vars, within } from './step-parts.ts';

export const check = z.strictObject({
  ...common,
  kind: z.literal('check').meta({ description: 'Looks, and expects' }),
  sql: file.optional(),
  vars,
  command: argv.optional(),
  catalog: z
    .enum(['remember', 'compare'])
    .optional()
    .meta({ description: 'Fingerprint of the schemas in scope: keep it, or compare with the one kept' }),
  rows: z.enum(['remember', 'compare']).optional().meta({
    description: 'Counts and hashes of the rows of `tables`: keep them, or compare what the application did not touch',
  }),
  tables: z
    .string()
    .optional()
    .meta({ description: 'The list whose rows are compared; or else run `sql` once for each of its items' }),
  ignore_columns: z.array(z.string()).default([]),
  access: id.optional().meta({
    description:
      'A step of kind policies with `access`: that nobody will lose by it what they must keep, as far as can be told before the new policies are possible',
  }),
  expect: expectation.optional(),
});

export const sql = z.strictObject({
  ...common,
  kind: z.literal('sql').meta({ description: 'Files in one transaction' }),
  files: z.array(file).min(1),
  vars,
  each_partition: z.boolean().default(false).meta({
    description: 'Where the variables schema and name call a partitioned table: run for each of its partitions',
  }),
});

/** What a backfill slows down for. */
export const slowDown = z.strictObject({
  application: z
    .strictObject({
      watch: id.meta({ description: 'The watch whose request is put, every 250 ms' }),
      times: z.number().min(1).optional().meta({ description: 'p99 at most so many times that of before' }),
      or_ms: z.number().min(0).default(50).meta({ description: 'With `times`: never a breach below this' }),
      at_most: someTime.optional().meta({ description: 'p99 at most so long, whatever it was before' }),
    })
    .refine(({ times, at_most }) => times !== undefined || at_most !== undefined, 'needs times, at_most or both')
    .optional()
    .meta({ description: 'How long the application takes to answer' }),
  replication_lag: someTime.prefault('10s').meta({ description: 'How far a standby may be behind' }),
  wal: byteRate.optional().meta({ description: 'How much WAL the server may write, all that it does counted' }),
  waiters: z.boolean().default(true).meta({ description: 'Sessions that wait for a lock of the backfill' }),
  autovacuum: z
    .boolean()
    .default(true)
    .meta({ description: 'A vacuum of its tables; half of the work goes on beside it' }),
});
export type SlowDown = z.output<typeof slowDown>;

/** More would be more than most servers have cores to spare for. */
export const MOST_WORKERS = 16;

export const backfill = z.strictObject({
  ...common,
  kind: z.literal('backfill').meta({ description: 'Fills a column in small batches' }),
  tables: z.string().meta({ description: 'A list; each item names schema and table' }),
  file: file.meta({
    description:
      "One batch. Variables: the item's own, from_tid and to_tid, slices and slice: it takes the rows of this slice, from 0, and the last slice all that are left",
  }),
  remaining: file.meta({ description: 'Counts the rows still to fill, in its first column' }),
  workers: z.int().min(1).max(MOST_WORKERS).default(1),
  pace: z.enum(['gentle', 'full']).default('gentle'),
  batch: z
    .strictObject({
      target: someTime.optional(),
      blocks: z.int().min(1).default(16),
      slices: z.int().min(1).max(16).default(1),
    })
    .prefault({})
    .meta({
      description:
        'How long a batch should take (3ms; at full pace 200ms), the heap blocks to start with, and into how many slices of each block a table is gone through',
    }),
  slow_down: slowDown.optional().meta({
    description:
      'Signals of a live system that it does less for, down to a sixteenth. At a gentle pace those with a default are heeded without it; at full pace none',
  }),
});

export const index = z.strictObject({
  ...common,
  kind: z.literal('index').meta({ description: 'Builds indexes concurrently' }),
  tables: z.string(),
  name: text.meta({ description: 'Name of the index; may use {{item.…}}' }),
  file: file.meta({ description: 'CREATE INDEX CONCURRENTLY, with the variable index' }),
  needed: file.optional().meta({ description: 'Built only for the items for which this query finds a row' }),
});

/** What a policy can be for. */
export const COMMANDS = ['all', 'select', 'insert', 'update', 'delete'] as const;

const policyRule = z
  .strictObject({
    verdict: z.enum(['replace', 'keep', 'keep-within', 'drop']).meta({
      description:
        'replace: the new policies stand in for it (only where one is for the same command). keep-within: it stays, AND-ed with `within`; a restrictive one as it is',
    }),
    otherwise: z.enum(['keep', 'keep-within', 'drop']).optional().meta({
      description:
        'The verdict on one that is to be replaced and for whose command no new one is; the next rules say, if not given',
    }),
    name: text.optional().meta({ description: 'Its name; * matches anything' }),
    command: z.enum(COMMANDS).optional(),
    role: text.optional().meta({ description: 'Each role it is for (public: everybody); * matches anything' }),
    expression: z.array(text).min(1).optional().meta({
      description:
        'Each of its expressions is one of these, as PostgreSQL prints it with every name in full; * matches anything, {{item.owner}} is the name of a column',
    }),
    kind: z.enum(['permissive', 'restrictive']).default('permissive'),
  })
  .refine(
    ({ name, command, role, expression, kind }) =>
      kind === 'restrictive' || [name, command, role, expression].some((part) => part !== undefined),
    'matches every policy; say which: name, command, role or expression',
  )
  .refine(({ verdict, otherwise }) => verdict === 'replace' || otherwise === undefined, {
    message: 'is only for policies that are to be replaced',
    path: ['otherwise'],
  });

export const policies = z.strictObject({
  ...common,
  kind: z.literal('policies').meta({ description: 'Replaces row level security policies; undone from a snapshot' }),
  tables: z.string(),
  file: file
    .optional()
    .meta({ description: "CREATE POLICY statements of one table; an item's `policies` names another file" }),
  verdicts: z.array(policyRule).default([]).meta({
    description:
      'What becomes of the policies that are there: the first rule that matches says. A restrictive one that no rule names is kept',
  }),
  within: text.optional().meta({
    description: 'The SQL condition that `keep-within` adds to a policy; may use the variables of the item',
  }),
  unexpected: id.optional().meta({
    description:
      'The earlier decision that shows every other policy, and whose choice (`drop`, `keep`, `keep-within`) settles them',
  }),
  access: z
    .strictObject({
      ends: id.meta({ description: 'The earlier decision that shows the access to rows of others that ends' }),
      actors: file.meta({
        description:
          'Rows of (actor, claims, keeps, through): the people to ask for; keeps = all: they must lose nothing that policies give which name `through`',
      }),
      theirs: text.meta({
        description: 'An SQL condition: the row is their own. May use the variables of the item and of the person',
      }),
      role: z.string().default('authenticated'),
    })
    .optional()
    .meta({ description: 'What people reach before and after is compared; of their own rows they must lose none' }),
});

/** What can be done with a row. */
export const ROW_COMMANDS = ['select', 'insert', 'update', 'delete'] as const;
const commands = z.array(z.enum(ROW_COMMANDS));
export type RowCommand = (typeof ROW_COMMANDS)[number];

export const isolation = z.strictObject({
  ...common,
  kind: z.literal('isolation').meta({ description: 'Tries, as real users, what they can see and change' }),
  tables: z.string(),
  role: z.string().default('authenticated'),
  actors: file.meta({
    description: "Finds the people to act as: rows of (actor, claims), with `role` where it is another than the step's",
  }),
  may: z.record(z.string(), commands).refine(holdsSomething, SOMETHING).meta({
    description:
      'Each actor, and what they may do with a row of the first one, as far as their role was granted it; others may not do what is not named',
  }),
  except: z
    .record(z.string(), z.record(z.string(), commands))
    .default({})
    .meta({ description: 'Tables in which some actors may do something else' }),
  hold: file.optional().meta({
    description:
      'Locks an actor and whom they are tried against, as they were found; a row for each who has changed since: then others are found',
  }),
  own: file.meta({
    description: "Counts, per table, of rows that are the actor's and that are not: (own, foreign_rows)",
  }),
  row: file.meta({ description: 'Finds, per table, a row of the first actor, and locks it: (tableoid, ctid)' }),
  sample: file.optional().meta({
    description: 'Inserts a row of the first actor into a table in which there is none: (tableoid, ctid)',
  }),
  samples: z
    .record(z.string(), file)
    .default({})
    .meta({ description: 'The same for one table, tried there in any case instead of a row that is there' }),
  prepare: z
    .record(z.string(), file)
    .default({})
    .meta({ description: 'For an actor: statements run beforehand, with the rights of the one who migrates' }),
  misplaced: file
    .optional()
    .meta({ description: 'Values, a column each, that nobody may give a row, be it new or of the first actor' }),
  attacks: z
    .array(z.strictObject({ file, by: z.array(z.string()).min(1) }))
    .default([])
    .meta({ description: 'Statements that must be refused or touch no row' }),
});

export const measure = z.strictObject({
  ...common,
  kind: z.literal('measure').meta({ description: 'How long queries take: a baseline, later compared' }),
  role: z.string().default('authenticated'),
  actors: file.meta({
    description:
      'Finds the people to measure as: rows of (actor, claims), and of `self` who is to be found again: that is in `chosen` afterwards, {"actor": "self"}',
  }),
  queries: z.array(z.strictObject({ id, file, uses_index: z.string().optional() })).min(1),
  tables: z.string().optional(),
  runs: z.int().min(3).default(30),
  against: id
    .optional()
    .meta({ description: 'The earlier measure step to compare with; without it, this is the baseline' }),
  within: within.optional(),
});
