import type { PoolClient } from 'pg';
import type { Queryable } from './ask.ts';
import { DatabaseTrouble } from './errors.ts';
import { qualified, type TableName } from './tables.ts';

/** A backfill of one table, in the ledger's terms. */
export interface Errand {
  run: string;
  step: string;
  part: string;
}

/** A range of a table's blocks that one worker at a time goes through, in one pass over the table. */
export interface Lane {
  pass: number;
  lane: number;
  next: number;
  end: number;
}

/** How far a table has come. `filled` counts rows of all passes, `filledInPass` those of the last one. */
export interface Headway {
  pass: number;
  lanes: Lane[];
  filled: number;
  filledInPass: number;
}

/** Everything in the table has moved (VACUUM FULL, say): block numbers of before mean nothing now. */
export class TableRewritten extends Error {
  constructor() {
    super('The table was rewritten in mid-backfill; it is gone through anew.');
    this.name = 'TableRewritten';
  }
}

/** Blocks and file of a table as it is now. @throws DatabaseTrouble when it has no blocks of its own to go through */
export async function extent(on: Queryable, table: TableName): Promise<{ blocks: number; filenode: number }> {
  const { rows } = await on.query<{ kind: string; blocks: string; filenode: string }>(
    `select relkind as kind, pg_relation_filenode(oid)::text as filenode,
            pg_relation_size(oid) / current_setting('block_size')::bigint as blocks
       from pg_class where oid = to_regclass($1)`,
    [qualified(table)],
  );
  const [found] = rows;
  if (found === undefined) {
    throw new DatabaseTrouble(`There is no table ${qualified(table)}.`, 'Correct the list, or make the table.');
  }
  if (found.kind !== 'r') {
    throw new DatabaseTrouble(
      `${qualified(table)} is ${found.kind === 'p' ? 'partitioned' : 'not an ordinary table'}: it has no blocks of its own.`,
      'List its partitions instead, each as an item of its own.',
    );
  }
  return { blocks: Number(found.blocks), filenode: Number(found.filenode) };
}

/** How far a table has come; undefined before the first pass. */
export async function headway(on: Queryable, { run, step, part }: Errand): Promise<Headway | undefined> {
  const { rows } = await on.query<{ pass: number; lane: number; next: string; end: string; rows_done: string }>(
    `select pass, lane, next_block as next, end_block as end, rows_done from middlewatch.cursor
      where run = $1 and step = $2 and part = $3 order by pass, lane`,
    [run, step, part],
  );
  const last = rows.at(-1);
  if (last === undefined) return undefined;
  const latest = rows.filter(({ pass }) => pass === last.pass);
  const sum = (of: typeof rows) => of.reduce((total, row) => total + Number(row.rows_done), 0);
  return {
    pass: last.pass,
    lanes: latest.map(({ pass, lane, next, end }) => ({ pass, lane, next: Number(next), end: Number(end) })),
    filled: sum(rows),
    filledInPass: sum(latest),
  };
}

/**
 * Begins a pass, in the transaction under way: cuts the table as it is now into ranges.
 * @param cut at most so many lanes, none shorter than so many blocks but the last
 */
export async function beginPass(
  client: PoolClient,
  { run, step, part }: Errand,
  table: TableName,
  pass: number,
  cut: { lanes: number; blocks: number },
): Promise<void> {
  const { blocks, filenode } = await extent(client, table);
  const each = Math.max(cut.blocks, Math.ceil(blocks / cut.lanes));
  await client.query(
    `insert into middlewatch.cursor (run, step, part, pass, lane, filenode, next_block, end_block)
     select $1, $2, $3, $4::int, n, $5::oid, n * $6::bigint, least((n + 1) * $6::bigint, $7::bigint)
       from generate_series(0, greatest(0, ($7::bigint - 1) / $6::bigint)) n`,
    [run, step, part, pass, filenode, each, blocks],
  );
}

/**
 * Puts the cursor on record behind a batch, in the batch's own transaction. To be called after the batch, whose lock on
 * the table keeps its file from changing any more.
 * @throws TableRewritten when the file is not the one the pass began with
 */
export async function advance(
  client: PoolClient,
  { run, step, part }: Errand,
  table: TableName,
  { pass, lane, next }: Lane,
  filled: number,
): Promise<void> {
  const moved = await client.query(
    `update middlewatch.cursor set next_block = $6, rows_done = rows_done + $7
      where run = $1 and step = $2 and part = $3 and pass = $4 and lane = $5
        and filenode = pg_relation_filenode(to_regclass($8))`,
    [run, step, part, pass, lane, next, filled, qualified(table)],
  );
  if (moved.rowCount === 0) throw new TableRewritten();
}
