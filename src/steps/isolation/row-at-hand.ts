import { randomUUID } from 'node:crypto';
import { escapeIdentifier, escapeLiteral, type PoolClient } from 'pg';
import { qualified, type TableName } from '../../postgres/tables.ts';
import { bind } from '../../runbook/sql-file.ts';
import { ROW_COMMANDS, type RowCommand } from '../../runbook/target-steps.ts';
import { located } from '../run-file.ts';
import { source, type World } from '../world.ts';

/** What of a column matters to whoever writes a row. */
interface Column {
  name: string;
  /** The server makes its value, and takes no other. */
  made: boolean;
  has_default: boolean;
  /** Most characters it takes, where it is text; 0 without a limit, null for other types. */
  text: number | null;
  uuid: boolean;
  /** The sequence behind its default, where the role may not use it. */
  sequence: string | null;
  insertable: boolean;
  updatable: boolean;
  readable: boolean;
}

/** A table as one role may write it. */
export interface Shape {
  table: TableName;
  columns: Column[];
  /** What the role has a right to, on the whole table or on columns of it. */
  granted: RowCommand[];
  /** The columns of each index that allows a value only once, and those that its expressions ask. */
  unique: string[][];
  /** Itself and its partitions: a constraint that stops a row is the partition's. */
  parts: TableName[];
  /** The columns that say in which partition a row goes. */
  sorting: string[];
  /** The column of each of its foreign keys of one, by the key's name: it asks no more than that what is named exists. */
  references: Map<string, string>;
}

/** A row that is being tried, locked by the transaction under way, with the cursor `the_row` on it. */
export interface Row {
  /** The condition that finds it. */
  at: string;
  /** As text the server would take; null for NULL. */
  values: Map<string, string | null>;
  /** Put there only to be tried, so that it can be taken out again. */
  sample: boolean;
  /** What defaults would give, by column, where the role may not use their sequence: that is no policy's doing. */
  next: Map<string, string>;
}

/** Where a row stands, as text. */
export interface Place {
  tableoid: string;
  ctid: string;
}

/** @throws DatabaseError when there is no such table or role */
export async function shapeOf(client: PoolClient, table: TableName, role: string): Promise<Shape> {
  const { rows: columns } = await client.query<Column>(
    `select attname as name, attgenerated <> '' or attidentity = 'a' as made,
            atthasdef or attidentity <> '' as has_default,
            case when typcategory = 'S' then greatest(atttypmod - 4, 0) end as text, atttypid = 'uuid'::regtype as uuid,
            (select min(refobjid::regclass::text)
             from pg_attrdef join pg_depend on classid = 'pg_attrdef'::regclass and objid = pg_attrdef.oid
             join pg_class on refclassid = 'pg_class'::regclass and pg_class.oid = refobjid
             where adrelid = attrelid and adnum = attnum
               and case relkind when 'S' then not has_sequence_privilege($2, refobjid, 'usage, update') end
            ) as sequence,
            has_column_privilege($2, attrelid, attnum, 'insert') as insertable,
            has_column_privilege($2, attrelid, attnum, 'update') as updatable,
            has_column_privilege($2, attrelid, attnum, 'select') as readable
     from pg_attribute join pg_type on pg_type.oid = atttypid
     where attrelid = $1::regclass and attnum > 0 and not attisdropped
     order by attnum`,
    [qualified(table), role],
  );
  const { rows: unique } = await client.query<{ names: string[] }>(
    `select array(
       select attname::text from pg_attribute
       where attrelid = indrelid and (attnum = any ((indkey::int2[])[0:indnkeyatts - 1]) or exists (
         select from pg_depend
         where classid = 'pg_class'::regclass and objid = indexrelid and refobjid = indrelid and refobjsubid = attnum))
     ) as names
     from pg_index where indrelid = $1::regclass and indisunique`,
    [qualified(table)],
  );
  const { rows: parts } = await client.query<TableName & { sorting: string[] }>(
    `select nspname as schema, relname as name, array(
       select attname::text from pg_depend join pg_attribute on attrelid = objid and attnum = objsubid
       where classid = 'pg_class'::regclass and objid = part.oid and refclassid = classid and refobjid = objid and deptype = 'i'
     ) as sorting
     from pg_class as part join pg_namespace on pg_namespace.oid = relnamespace
     where part.oid = $1::regclass or part.oid in (select relid from pg_partition_tree($1::regclass))`,
    [qualified(table)],
  );
  const { rows: granted } = await client.query<{ command: RowCommand }>(
    `select command from unnest($3::text[]) as command
     where has_table_privilege($2, $1::regclass, command)
        or case when command <> 'delete' then has_any_column_privilege($2, $1::regclass, command) end`,
    [qualified(table), role, ROW_COMMANDS],
  );
  const { rows: references } = await client.query<{ key: string; column: string }>(
    `select conname as key, attname as column
     from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1]
     where contype = 'f' and cardinality(conkey) = 1
       and (conrelid = $1::regclass or conrelid in (select relid from pg_partition_tree($1::regclass)))`,
    [qualified(table)],
  );
  return {
    table,
    columns,
    granted: granted.map(({ command }) => command),
    unique: unique.map(({ names }) => names),
    parts: parts.map(({ schema, name }) => ({ schema, name })),
    sorting: parts.flatMap(({ sorting }) => sorting),
    references: new Map(references.map(({ key, column }) => [key, column])),
  };
}

/**
 * Puts the cursor `the_row` on a row, for SQL that is to get at this one and read no column of it (`where current of
 * the_row`), and reads the row.
 */
export async function rowAt(
  client: PoolClient,
  { table, columns }: Shape,
  place: Place,
  sample: boolean,
): Promise<Row> {
  const name = qualified(table);
  const at = `tableoid = ${escapeLiteral(place.tableoid)} and ctid = ${escapeLiteral(place.ctid)}`;
  await client.query(`declare the_row cursor for select from ${name} where ${at} for no key update; fetch the_row`);
  const names = columns.map((column) => escapeIdentifier(column.name)).join(', ');
  const [values = new Map()] = await texts(client, `select ${names} from ${name} where ${at}`);
  const next = new Map<string, string>();
  for (const { name: column, sequence } of columns) {
    if (sequence === null) continue;
    const { rows } = await client.query<{ next: string }>('select nextval($1::regclass)::text as next', [sequence]);
    next.set(column, rows[0]?.next ?? '');
  }
  return { at, values, sample, next };
}

/**
 * The rows of a file that is one query, each as the values of its columns.
 * @throws StatementFailed with `file:line`
 */
export function placementsOf(
  client: PoolClient,
  world: World,
  path: string,
  vars: Record<string, string>,
): Promise<Map<string, string | null>[]> {
  const { text, values } = bind(source(world, path).text, vars);
  return texts(client, text, values).catch((cause: unknown) => {
    throw located(path, 1, text, cause);
  });
}

/** Rows as text the server would take again; null for NULL. */
async function texts(client: PoolClient, text: string, values: string[] = []): Promise<Map<string, string | null>[]> {
  const types = { getTypeParser: () => (value: string | Buffer) => String(value) };
  const { fields, rows } = await client.query<(string | null)[]>({ text, values, rowMode: 'array', types });
  return rows.map((row) => new Map(fields.map(({ name }, i) => [name, row[i] ?? null])));
}

/**
 * What another row like this one would hold, of the columns that are given a value: the same, but for what has to be
 * unique, which is left to its default, or made anew. It goes into the same partition: for another value there may be none.
 * @param kept values that make the row whose it is; a column that holds one is not changed
 */
export function another({ columns, unique, sorting }: Shape, row: Row, kept: Set<string>): Map<string, string | null> {
  const named = columns.some(({ insertable }) => insertable) ? columns.filter(({ insertable }) => insertable) : columns;
  const values = new Map(
    named.filter(({ made }) => !made).map(({ name }) => [name, row.values.get(name) ?? null] as const),
  );
  if (row.sample) return values;
  for (const names of unique) {
    const parts = columns.filter(({ name }) => names.includes(name));
    if (parts.some(({ name, made }) => made || !values.has(name))) continue;
    const free = parts.filter(({ name }) => !kept.has(values.get(name) ?? '') && !sorting.includes(name));
    const left = free.find(({ has_default }) => has_default);
    const anew = free.find(({ text }) => text !== null) ?? free.find(({ uuid }) => uuid);
    if (left) values.delete(left.name);
    else if (anew) values.set(anew.name, randomUUID().slice(0, anew.text || undefined));
  }
  for (const [name, value] of row.next) {
    if (named.some((column) => column.name === name) && !sorting.includes(name)) values.set(name, value);
  }
  return values;
}

/** A column to change: one the role may, where there is any, and best one that tells no rows apart. */
export function changeable({ table, columns, unique }: Shape): string {
  const keys = new Set(unique.flat());
  const rank = ({ name, updatable, readable }: Column) =>
    (updatable ? 4 : 0) + (readable ? 2 : 0) + (keys.has(name) ? 0 : 1);
  const [best] = columns.filter(({ made }) => !made).toSorted((a, b) => rank(b) - rank(a));
  if (best === undefined) throw new Error(`No column of ${table.name} can be changed.`);
  return best.name;
}
