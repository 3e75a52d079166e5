import {
  carried,
  comparedColumns,
  type RowSum,
  rowSum,
  unwatchRows,
  useHashSettings,
  watchRows,
} from '../../postgres/row-sums.ts';
import { forget, keep, kept } from '../../postgres/snapshot.ts';
import { qualified, tableOf } from '../../postgres/tables.ts';
import { transaction } from '../../postgres/transaction.ts';
import type { Evidence, Result } from '../../run/events.ts';
import type { Act } from '../../run/performer.ts';
import { called, itemsOf } from '../../runbook/plan.ts';
import type { Item } from '../../runbook/schema.ts';
import type { StepOf } from '../../runbook/step-schema.ts';
import { ExpectationFailed } from '../kind.ts';
import { rolledBack } from '../rolled-back.ts';
import { terms, type World } from '../world.ts';

type Check = StepOf<'check'>;

/** Snapshots: what was there before, and, when the watch ended, what was there then. */
const BEFORE = 'rows before';
const AFTER = 'rows after';

/**
 * Zero data loss, exactly and under traffic: remembers counts and hashes of every table and watches what the application
 * changes; or compares, and ends the watch.
 * @throws ExpectationFailed when rows that the application left alone are not what they were
 */
export function checkRows(what: 'remember' | 'compare', step: Check, act: Act, world: World): Promise<Result> {
  return what === 'remember' ? remember(step, act, world) : compare(step, act, world);
}

async function remember(step: Check, act: Act, world: World): Promise<Result> {
  const items = itemsOf(world.runbook, step.tables);
  const already = await keptSums(world, BEFORE, items);
  if (already.size === items.length) return remembered(already);
  const columns = new Map<Item, string[]>();
  for (const item of items) {
    // One table a transaction, for each takes a lock.
    await transaction(terms(world, step, act), async (client) => {
      const compared = await comparedColumns(client, tableOf(item), step.ignore_columns);
      await watchRows(client, tableOf(item), compared);
      columns.set(item, compared);
    });
  }
  const sums = await sumUp(step, act, world, items, (item) => columns.get(item));
  await transaction(terms(world, step, act), async (client) => {
    for (const [item, sum] of sums) await keep(client, world.run, BEFORE, partOf(item), sum);
  });
  return remembered(sums);
}

function remembered(sums: Map<Item, RowSum>): Result {
  const items = [...sums.keys()];
  const rows = [...sums.values()].reduce((sum, { present }) => sum + Number(present), 0);
  return {
    summary: `${rows} rows counted and hashed in ${sums.size} tables`,
    facts: Object.fromEntries([...sums].map(([item, { present }]) => [`${called(item, items)}.rows`, Number(present)])),
  };
}

async function keptSums(world: World, name: string, items: Item[]): Promise<Map<Item, RowSum>> {
  const sums = new Map<Item, RowSum>();
  for (const item of items) {
    const sum = await kept<RowSum>(world.pool, world.run, name, partOf(item));
    if (sum !== undefined) sums.set(item, sum);
  }
  return sums;
}

async function compare(step: Check, act: Act, world: World): Promise<Result> {
  const items = itemsOf(world.runbook, step.tables);
  await endRowWatch(step, act, world);
  const befores = await keptSums(world, BEFORE, items);
  const afters = await keptSums(world, AFTER, items);
  const rows: string[][] = [];
  const wrong: string[] = [];
  let touched = 0;
  for (const item of items) {
    const part = partOf(item);
    const before = befores.get(item);
    const after = afters.get(item);
    if (before === undefined || after === undefined) {
      throw new ExpectationFailed(
        `Nobody remembered the rows of ${part} before.`,
        [],
        'Remember them in an earlier step.',
      );
    }
    const verdict = difference(before, after);
    if (verdict !== undefined) wrong.push(`${part}: ${verdict}`);
    touched += Number(after.touched);
    rows.push([part, before.present, after.present, after.touched, verdict ?? 'all as before']);
  }
  const evidence: Evidence = {
    kind: 'rows',
    title: 'Rows before and after, apart from those the application changed itself',
    columns: ['table', 'before', 'after', 'changed by the application', 'the others'],
    rows,
    more: 0,
  };
  if (wrong.length > 0) {
    throw new ExpectationFailed(
      `Rows that the application left alone are not as before: ${wrong.join('; ')}.`,
      [evidence],
      'Compare the table with the backup before anything else is done to it.',
    );
  }
  return {
    summary: `no row lost or changed in ${items.length} tables; ${touched} were changed by the application itself`,
    facts: { tables: items.length, touched },
    evidence: [evidence],
  };
}

/**
 * Takes the last counts and hashes and keeps them for a comparison that comes later, then removes the triggers. Content
 * when the watch has ended before, or never began.
 */
async function endRowWatch(step: Check, act: Act, world: World): Promise<Result> {
  const items = itemsOf(world.runbook, step.tables);
  const before = await keptSums(world, BEFORE, items);
  const ended = await keptSums(world, AFTER, items);
  const watched = items.filter((item) => before.has(item) && !ended.has(item));
  if (watched.length > 0) {
    const sums = await sumUp(step, act, world, watched, (item) => before.get(item)?.columns);
    await transaction(terms(world, step, act), async (client) => {
      for (const [item, sum] of sums) await keep(client, world.run, AFTER, partOf(item), sum);
    });
  }
  for (const item of items) {
    await transaction(terms(world, step, act), (client) => unwatchRows(client, tableOf(item)));
  }
  return { summary: `${watched.length} tables are no longer watched` };
}

/**
 * Undoing what was remembered ends the watch. Undoing a comparison, which ended it, begins it anew: what the rollback does
 * from here on is compared as well, and what the comparison found missing stays missing.
 */
export function undoRows(what: 'remember' | 'compare', step: Check, act: Act, world: World): Promise<Result> {
  return what === 'remember' ? endRowWatch(step, act, world) : watchAgain(step, act, world);
}

async function watchAgain(step: Check, act: Act, world: World): Promise<Result> {
  const items = itemsOf(world.runbook, step.tables);
  const befores = await keptSums(world, BEFORE, items);
  const afters = await keptSums(world, AFTER, items);
  const ended = items.filter((item) => befores.has(item) && afters.has(item));
  for (const item of ended) {
    await transaction(terms(world, step, act), (client) =>
      watchRows(client, tableOf(item), befores.get(item)?.columns ?? []),
    );
  }
  const sums = await sumUp(step, act, world, ended, (item) => befores.get(item)?.columns);
  await transaction(terms(world, step, act), async (client) => {
    for (const [item, now] of sums) {
      const [before, after] = [befores.get(item), afters.get(item)];
      if (before === undefined || after === undefined) continue;
      for (const name of [BEFORE, AFTER]) await forget(client, world.run, name, partOf(item));
      await keep(client, world.run, BEFORE, partOf(item), carried(before, after, now));
    }
  });
  return { summary: `${ended.length} tables are watched again` };
}

/**
 * Counts and hashes, a table at a time. Each is locked against TRUNCATE before its snapshot is taken: one that comes in
 * between would leave it empty in the snapshot, without the record of it.
 * @see https://www.postgresql.org/docs/current/mvcc-caveats.html
 */
async function sumUp(
  step: Check,
  act: Act,
  world: World,
  items: Item[],
  columnsOf: (item: Item) => string[] | undefined,
): Promise<Map<Item, RowSum>> {
  const sums = new Map<Item, RowSum>();
  for (const [done, item] of items.entries()) {
    act.pulse({ done, total: items.length, unit: 'tables', note: called(item, items) });
    const table = tableOf(item);
    const sum = await rolledBack(world, step, act, 'read only', async (client) => {
      await client.query(`lock table ${qualified(table)} in access share mode`);
      await useHashSettings(client);
      return rowSum(client, table, columnsOf(item) ?? []);
    });
    sums.set(item, sum);
  }
  return sums;
}

/** What differs, in words; undefined when nothing does. */
function difference(before: RowSum, after: RowSum): string | undefined {
  if (before.sum === 'NaN' || after.sum === 'NaN')
    return 'cannot tell, for a change of the application could not be put on record';
  const lost = Number(before.rows) - Number(after.rows);
  if (lost > 0) return `${lost} rows are gone`;
  if (lost < 0) return `${-lost} rows appeared`;
  return before.sum === after.sum ? undefined : 'some were changed';
}

const partOf = (item: Item) => qualified(tableOf(item));
