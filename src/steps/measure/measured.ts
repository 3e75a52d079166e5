import type { PoolClient } from 'pg';
import type { Evidence, Facts } from '../../run/events.ts';
import type { StepOf } from '../../runbook/step-schema.ts';
import { allowedMs, percentile, roundMs } from '../latency.ts';
import { source, type World } from '../world.ts';
import { missingIndexes } from './missing-index.ts';
import type { Timing } from './timing.ts';

type Measure = StepOf<'measure'>;

/** What one query on one table came to as one person. */
export interface Measured {
  /** `query.table`, or `query` when the step names no tables. */
  query: string;
  /** Who it was asked as. */
  actor: string;
  /** `query.table.actor`; its median is the fact `….p50Ms`. */
  id: string;
  sql: string;
  p50Ms: number;
  plan: string;
  /** Whether any index took part, or could. */
  indexed: boolean;
  /** Null: not asked for. What no index could serve at the baseline either, nobody has made worse. */
  index: 'used' | 'could be used' | 'not used' | 'none before either' | null;
  /** Statements that build the indexes without which a whole table is read. */
  missing: string[];
  /** What the server said, when it would not do it. */
  failed: string | undefined;
}

/**
 * Makes out of a query's times and plans what is to be said about it.
 * @param of what the table's item is called; empty where the step has no list
 */
export async function judged(
  client: PoolClient,
  world: World,
  of: string,
  { query, actor, times, ran, byIndex, indexes, failed }: Timing,
  before: Facts | undefined,
): Promise<Measured> {
  const asked = of === '' ? query.id : `${query.id}.${of}`;
  const id = `${asked}.${actor.label}`;
  const possible = byIndex?.indexes ?? [];
  let index: Measured['index'] = null;
  if (query.uses_index !== undefined && failed === undefined) {
    const wanted = new RegExp(query.uses_index);
    if ([...indexes].some((each) => wanted.test(each))) index = 'used';
    else if (possible.some((each) => wanted.test(each))) index = 'could be used';
    else index = before?.[`${id}.indexed`] === false ? 'none before either' : 'not used';
  }
  const missing: string[] = [];
  for (const wholeRead of byIndex?.wholeReads ?? []) missing.push(...(await missingIndexes(client, wholeRead)));
  return {
    query: asked,
    actor: actor.label,
    id,
    sql: source(world, query.file).text,
    p50Ms: roundMs(percentile(times, 0.5)),
    plan: ran?.path ?? '',
    indexed: indexes.size + possible.length > 0,
    index,
    missing,
    failed,
  };
}

const medianBefore = ({ id }: Measured, before: Facts | undefined): number | undefined => {
  const was = before?.[`${id}.p50Ms`];
  return typeof was === 'number' ? was : undefined;
};

/** Whether a median is above what the baseline allows. */
export function slower({ within }: Measure, measured: Measured, before: Facts | undefined): boolean {
  const was = medianBefore(measured, before);
  return within !== undefined && was !== undefined && measured.p50Ms > allowedMs(was, within);
}

/** What is not as it should be about a query, each in words that follow its name. */
export function troublesOf(step: Measure, measured: Measured, before: Facts | undefined): string[] {
  const { p50Ms, plan, index, missing, failed } = measured;
  const was = medianBefore(measured, before);
  const troubles: string[] = [];
  if (failed !== undefined && was !== undefined) troubles.push(`worked before and now fails: ${failed}`);
  if (index === 'not used') troubles.push(`does not use the index it should (${plan})`);
  if (before !== undefined && missing.length > 0) troubles.push('reads a whole table for want of an index');
  if (step.within !== undefined && was !== undefined && slower(step, measured, before)) {
    troubles.push(`took ${p50Ms} ms, was ${was} ms, may be ${roundMs(allowedMs(was, step.within))} ms`);
  }
  return troubles;
}

/** What could not be measured or compared. */
export function uncompared(measured: Measured, before: Facts | undefined): string[] {
  const { id, failed } = measured;
  if (failed !== undefined) return [`${id}: could not be measured: ${failed}`];
  if (before === undefined || medianBefore(measured, before) !== undefined) return [];
  return [`${id}: there is no baseline to compare with`];
}

/** One query as a person needs to see it to decide about it. */
export function told({ id, sql, plan, missing }: Measured, troubles: string[]): Evidence {
  const text = [sql.trim(), '', ...troubles.map((each) => `It ${each}.`), `Plan: ${plan}`];
  if (missing.length > 0) text.push('Missing:', ...missing.map((each) => `  ${each};`));
  return { kind: 'text', title: id, text: text.join('\n') };
}

/** Everything measured, for the journal: a row for each query, with the median of each person, before and now. */
export function table(measured: Measured[], before: Facts | undefined): Evidence {
  const actors = [...new Set(measured.map(({ actor }) => actor))];
  const cell = (each: Measured | undefined) => {
    if (each === undefined) return '–';
    const was = before === undefined ? '' : `${inMs(medianBefore(each, before))} → `;
    return was + inMs(each.p50Ms);
  };
  const rows = [...Map.groupBy(measured, ({ query }) => query)].map(([query, here]) => {
    const [first] = here;
    const worst = here.find(({ index }) => index === 'not used') ?? first;
    return [
      query,
      ...actors.map((actor) => cell(here.find((each) => each.actor === actor))),
      here.some(({ missing }) => missing.length > 0) ? 'missing' : (worst?.index ?? '–'),
      here.find(({ failed }) => failed !== undefined)?.failed ?? worst?.plan ?? '',
    ];
  });
  return {
    kind: 'rows',
    title: 'How long queries take on the server, in the median',
    columns: ['query', ...actors, 'index', 'plan'],
    rows,
    more: 0,
  };
}

const inMs = (value: number | undefined) => (value === undefined || Number.isNaN(value) ? '–' : `${value} ms`);
