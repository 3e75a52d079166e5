import type { PoolClient } from 'pg';
import type { WholeRead } from './explained.ts';

/** Fewer pages than this are read as a whole in no time, index or not. */
const SMALL_PAGES = 50;

/** A column as EXPLAIN VERBOSE writes it in a condition, and whether an index begins with it. */
interface Column {
  name: string;
  shown: string;
  indexed: boolean;
}

/**
 * The indexes that would keep a query from reading a whole table, as statements; none when the table is small, or when no
 * index could answer the condition.
 */
export async function missingIndexes(
  client: PoolClient,
  { schema, name, alias, condition }: WholeRead,
): Promise<string[]> {
  const { rows } = await client.query<Column & { pages: number; table: string; quoted: string }>(
    `select attname as name, quote_ident(attname) as quoted, format('%I.%I', $3::text, attname) as shown,
            format('%I.%I', nspname, relname) as "table",
            (pg_catalog.pg_relation_size(relation.oid) / current_setting('block_size')::int)::int as pages,
            exists (select from pg_catalog.pg_index
                     where indrelid = relation.oid and indisvalid and indkey[0] = attnum) as indexed
       from pg_catalog.pg_class as relation
       join pg_catalog.pg_namespace as namespace on namespace.oid = relation.relnamespace
       join pg_catalog.pg_attribute as attribute on attribute.attrelid = relation.oid and attnum > 0 and not attisdropped
      where nspname = $1 and relname = $2`,
    [schema, name, alias],
  );
  if ((rows[0]?.pages ?? 0) < SMALL_PAGES) return [];
  const columns = asked(condition, rows) ?? [];
  return rows
    .filter((column) => columns.includes(column) && !column.indexed)
    .map(({ table, quoted }) => `create index concurrently on ${table} (${quoted})`);
}

/**
 * The columns by which indexes could answer a condition, as the server writes it: one of the parts of an AND, all of the
 * parts of an OR, and an equality of a column by itself. Undefined when they could not.
 */
export function asked<C extends { shown: string }>(condition: string, columns: readonly C[]): C[] | undefined {
  const whole = unwrapped(condition);
  const either = parts(whole, ' OR ');
  if (either.length > 1) {
    const each = either.map((part) => asked(part, columns));
    return each.every((found) => found !== undefined) ? [...new Set(each.flat())] : undefined;
  }
  const all = parts(whole, ' AND ');
  if (all.length > 1) return all.map((part) => asked(part, columns)).find((found) => found !== undefined);
  const column = columns.find(({ shown }) => whole.startsWith(`${shown} = `));
  return column && [column];
}

/** Cuts at a word that stands in no parentheses and no quotes. */
function parts(condition: string, word: string): string[] {
  const cuts: number[] = [];
  let depth = 0;
  let quote = '';
  for (let at = 0; at < condition.length; at++) {
    const here = condition.charAt(at);
    if (quote !== '') quote = here === quote ? '' : quote;
    else if (here === "'" || here === '"') quote = here;
    else if (here === '(') depth++;
    else if (here === ')') depth--;
    else if (depth === 0 && condition.startsWith(word, at)) cuts.push(at);
  }
  return [...cuts, condition.length].map((cut, i) =>
    condition.slice(i === 0 ? 0 : (cuts[i - 1] ?? 0) + word.length, cut),
  );
}

/** Without the parentheses around the whole of it. */
function unwrapped(condition: string): string {
  const inner = condition.slice(1, -1);
  if (!condition.startsWith('(') || !condition.endsWith(')')) return condition;
  let depth = 0;
  for (const here of inner) {
    if (here === '(') depth++;
    else if (here === ')') depth--;
    if (depth < 0) return condition;
  }
  return unwrapped(inner);
}
