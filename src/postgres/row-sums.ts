import { createHash } from 'node:crypto';
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { Queryable } from './ask.ts';
import { DatabaseTrouble } from './errors.ts';
import { isPartitioned, qualified, type TableName, tablesBehind } from './tables.ts';

/**
 * Whether rows were lost or changed by anything but the application, told exactly while it keeps writing.
 *
 * A row's hash is 64 bits of its values as text; a table's sum is that of its rows, so their order does not matter.
 * Triggers put on record by how much each statement, or each row that it wrote, moved count and sum. Whatever the
 * application does, `count − Σ moved` and `sum − Σ moved` stay as they were, in every snapshot; what the run's own
 * transactions do (they set `middlewatch.run`, which is believed of who could take on the role that watches) is not put on
 * record, and so shows.
 */
export interface RowSum {
  /** Rows now, less those the application added, plus those it removed. */
  rows: string;
  sum: string;
  /** Rows there really are. */
  present: string;
  /** Rows the application wrote or removed while it was watched. */
  touched: string;
  columns: string[];
}

/**
 * Output of values as text depends on these, so they are the same wherever a hash is taken; and no row is held back. Left out
 * of the path, pg_temp would come first, with types that users may have put there.
 */
const HASH_SETTINGS: readonly (readonly [string, string])[] = [
  ['search_path', 'pg_catalog, pg_temp'],
  ['timezone', 'UTC'],
  ['datestyle', 'ISO, YMD'],
  ['intervalstyle', 'postgres'],
  ['extra_float_digits', '1'],
  ['bytea_output', 'hex'],
  ['row_security', 'off'],
];

const hash = (alias: string, columns: string[]) =>
  `hashtextextended(row(${columns.map((name) => `${alias}.${escapeIdentifier(name)}`).join(', ')})::text, 0)`;

/** The columns that are compared: all there are, less the ignored, and those worked out when read, which no trigger sees. */
export async function comparedColumns(on: Queryable, table: TableName, ignored: string[]): Promise<string[]> {
  const { rows } = await on.query<{ name: string; kind: string }>(
    `select a.attname as name, c.relkind as kind
       from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
      where a.attrelid = pg_catalog.to_regclass($1) and a.attnum > 0 and not a.attisdropped and a.attgenerated <> 'v'
        and a.attname <> all ($2)
      order by a.attname`,
    [qualified(table), ignored],
  );
  if (rows.some(({ kind }) => kind !== 'r' && kind !== 'p') || rows.length === 0) {
    throw new DatabaseTrouble(
      `${qualified(table)} is not a table with columns to compare.`,
      'Leave views and foreign tables out.',
    );
  }
  return rows.map(({ name }) => name);
}

/** Begins to put on record what the application changes. Takes a lock that waits for writers, for a moment. */
export async function watchRows(client: Queryable, table: TableName, columns: string[]): Promise<void> {
  const watch = watchName(table);
  const partitioned = await isPartitioned(client, table);
  const record = (rows: string, sum: string, from = '') =>
    `insert into middlewatch.touched (watch, rows, sum, touched) select ${escapeLiteral(watch)}, ${rows}, ${sum}, ${from === '' ? '1' : `count(*) from ${from} having count(*) > 0`};`;
  const total = (alias: string) => `coalesce(sum(${hash(alias, columns)}), 0)`;
  const ofRow = { new: hash('new', columns), old: hash('old', columns) };
  // No name in the database has a NUL in it.
  const emptied = record('-count(*)', `-${total('t')}`, 'only \0 t')
    .replaceAll('%', '%%')
    .replace('\0', '%s');
  const cannotTell = `insert into middlewatch.touched (watch, rows, sum, touched) values (${escapeLiteral(watch)}, 0, 'NaN', 0);`;
  const whole = escapeLiteral(`middlewatch.${watch}`);
  const body = `
begin
  if tg_level = 'ROW' then
    -- Somebody may have renamed or dropped a column. From the first row that is written until its transaction ends, nobody can.
    if coalesce(current_setting(${whole}, true), '') <> 'whole' then
      if ${columns.length} > (
        select count(*) from pg_catalog.pg_attribute
         where attrelid = tg_relid and not attisdropped and attname = any (array[${columns.map((name) => escapeLiteral(name)).join(', ')}])
      ) then
        ${cannotTell}
        return null;
      end if;
      perform set_config(${whole}, 'whole', true);
    end if;
    case tg_op
      when 'INSERT' then ${record('1', ofRow.new)}
      when 'DELETE' then ${record('-1', `-${ofRow.old}::numeric`)}
      else ${record('0', `${ofRow.new}::numeric - ${ofRow.old}`)}
    end case;
    return null;
  end if;
  -- What the run itself does is not the application's doing.
  if coalesce(current_setting('middlewatch.run', true), '') <> '' and pg_has_role(session_user, current_user, 'member') then
    return null;
  end if;
  begin
    case tg_op
      when 'INSERT' then ${record('count(*)', total('n'), 'new_rows n')}
      when 'DELETE' then ${record('-count(*)', `-${total('o')}`, 'old_rows o')}
      else execute format(${escapeLiteral(emptied)}, tg_relid::regclass);
    end case;
  exception when others then
    -- Watching must never fail the application; the comparison says that it cannot tell.
    ${cannotTell}
  end;
  return null;
end`;
  const name = `middlewatch.${escapeIdentifier(watch)}`;
  const settings = HASH_SETTINGS.map(
    ([key, list]) => `set ${key} = ${list.split(', ').map(escapeLiteral).join(', ')}`,
  ).join(' ');
  const { rows: me } = await client.query<{ owner: string }>('select current_user as owner');
  const owner = me[0]?.owner ?? '';
  await unwatchRows(client, table);
  await client.query(
    `create function ${name}() returns trigger language plpgsql security definer ${settings} as ${escapeLiteral(body)}`,
  );
  await client.query(`revoke all on function ${name}() from public`);
  // Whoever owns the table makes partitions of it, with these triggers on them.
  const { rows: its } = await client.query<{ owner: string }>(
    'select rolname as owner from pg_class join pg_roles on pg_roles.oid = relowner where pg_class.oid = to_regclass($1)',
    [qualified(table)],
  );
  for (const each of its) await client.query(`grant execute on function ${name}() to ${escapeIdentifier(each.owner)}`);
  // Without a block of its own to fail in, which would be a subtransaction a row. To compare the names first spares a look at
  // the roles, a tenth of what a row costs.
  const byRow = `for each row when (coalesce(current_setting('middlewatch.run', true), '') = ''
    or session_user <> ${escapeLiteral(owner)} and not pg_has_role(session_user, ${escapeLiteral(owner)}, 'member'))`;
  const watchEvent = (event: string, when: string, on: TableName, each: string) =>
    client.query(
      `create trigger ${escapeIdentifier(`middlewatch_${event}`)} ${when} ${event} on ${qualified(on)}
       ${each} execute function ${name}()`,
    );
  // Row by row, because a transition table is filled before anybody can say that a backfill does not need it: a sixth of
  // what a row costs.
  await watchEvent('update', 'after', table, byRow);
  // A row that moves to another partition, or is written to a partition by its own name, is no statement's on the whole.
  const written = (of: string) => (partitioned ? byRow : `referencing ${of} for each statement`);
  await watchEvent('insert', 'after', table, written('new table as new_rows'));
  await watchEvent('delete', 'after', table, written('old table as old_rows'));
  for (const each of await tablesBehind(client, table))
    await watchEvent('truncate', 'before', each, 'for each statement');
}

/** Ends the watch and forgets what it saw; content when there is none. */
export async function unwatchRows(client: Queryable, table: TableName): Promise<void> {
  await client.query(`drop function if exists middlewatch.${escapeIdentifier(watchName(table))}() cascade`);
  await client.query('delete from middlewatch.touched where watch = $1', [watchName(table)]);
}

/** The tables that are watched now, by whichever run. */
export async function watchedTables(on: Queryable): Promise<TableName[]> {
  const { rows } = await on.query<TableName>(
    `select distinct n.nspname as schema, c.relname as name
       from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
       join pg_proc p on p.oid = t.tgfoid
      where p.pronamespace = to_regnamespace('middlewatch')`,
  );
  return rows;
}

/** Has the transaction under way take hashes as the triggers do. */
export async function useHashSettings(client: Queryable): Promise<void> {
  const settings = HASH_SETTINGS.map((_, i) => `set_config($${2 * i + 1}, $${2 * i + 2}, true)`).join(', ');
  await client.query(`select ${settings}`, HASH_SETTINGS.flat());
}

/** What stays the same whatever the application does, in the snapshot of the transaction under way. */
export async function rowSum(client: Queryable, table: TableName, columns: string[]): Promise<RowSum> {
  const own = (await isPartitioned(client, table)) ? '' : 'only ';
  const { rows } = await client.query<Omit<RowSum, 'columns'>>(
    `select present::text, (present - moved.rows)::text as rows, (total - moved.sum)::text as sum, moved.touched::text
       from (select count(*) as present, coalesce(sum(${hash('t', columns)}), 0) as total from ${own}${qualified(table)} t) now,
            (select coalesce(sum(rows), 0) as rows, coalesce(sum(sum), 0) as sum, coalesce(sum(touched), 0) as touched
               from middlewatch.touched where watch = $1) moved`,
    [watchName(table)],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('An aggregate has one row.');
  return { ...row, columns };
}

/**
 * What to compare with when a watch that has ended begins anew: what is there now, less what it had changed by itself
 * between `before` and `after`, so that a loss found once is found again.
 */
export function carried(before: RowSum, after: RowSum, now: RowSum): RowSum {
  const cannotTell = [before, after, now].some(({ sum }) => sum === 'NaN');
  const less = (of: 'rows' | 'sum') => String(BigInt(now[of]) - (BigInt(after[of]) - BigInt(before[of])));
  return { ...now, rows: less('rows'), sum: cannotTell ? 'NaN' : less('sum') };
}

/** The names of a table together may not fit into one. */
function watchName(table: TableName): string {
  return `touch_${createHash('sha256').update(qualified(table)).digest('hex').slice(0, 16)}`;
}
