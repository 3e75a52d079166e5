import type { PoolClient } from 'pg';
import type { Queryable } from './ask.ts';
import { extent, qualified, type TableName } from './tables.ts';

/** A backfill of one table, in the ledger's terms. */
export interface Errand {
  run: string;
  step: string;
  part: string;
}

/**
 * A range of a table's blocks that one worker at a time goes through in a pass over the table, slice after slice. It is
 * through when `next` is at its end.
 */
export interface Lane {
  pass: number;
  lane: number;
  slice: number;
  start: number;
  next: number;
  end: number;
}

/** How a pass begins. */
export interface Cut {
  /** Lanes at least, if each is to have `fewest` blocks, and none more than `most`. */
  lanes: number;
  fewest: number;
  most: number;
  /** The slice that each lane begins with. */
  slice: number;
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

/**
 * The cursor is not where this worker left it: the server crashed and lost batches that it had not written to disk yet,
 * each together with its cursor.
 */
export class CursorMoved extends Error {
  constructor() {
    super('The server has lost the newest batches; they are done again.');
    this.name = 'CursorMoved';
  }
}

/** How far a table has come; undefined before the first pass. */
export async function headway(on: Queryable, { run, step, part }: Errand): Promise<Headway | undefined> {
  const { rows } = await on.query<Record<keyof Lane | 'rows_done', string>>(
    `select pass, lane, slice, start_block as start, next_block as next, end_block as end, rows_done
       from middlewatch.cursor where run = $1 and step = $2 and part = $3 order by pass, lane`,
    [run, step, part],
  );
  const last = rows.at(-1);
  if (last === undefined) return undefined;
  const latest = rows.filter(({ pass }) => pass === last.pass);
  const sum = (of: typeof rows) => of.reduce((total, row) => total + Number(row.rows_done), 0);
  return {
    pass: Number(last.pass),
    lanes: latest.map((row) => ({
      pass: Number(row.pass),
      lane: Number(row.lane),
      slice: Number(row.slice),
      start: Number(row.start),
      next: Number(row.next),
      end: Number(row.end),
    })),
    filled: sum(rows),
    filledInPass: sum(latest),
  };
}

/** Begins a pass, in the transaction under way: cuts the table as it is now into ranges. */
export async function beginPass(
  client: PoolClient,
  { run, step, part }: Errand,
  table: TableName,
  pass: number,
  cut: Cut,
): Promise<void> {
  const { blocks, filenode } = await extent(client, table);
  const each = Math.min(cut.most, Math.max(cut.fewest, Math.ceil(blocks / cut.lanes)));
  await client.query(
    `insert into middlewatch.cursor (run, step, part, pass, lane, filenode, slice, start_block, next_block, end_block)
     select $1, $2, $3, $4::int, n, $5::oid, $8, n * $6::bigint, n * $6::bigint, least((n + 1) * $6::bigint, $7::bigint)
       from generate_series(0, greatest(0, ($7::bigint - 1) / $6::bigint)) n`,
    [run, step, part, pass, filenode, each, blocks, cut.slice],
  );
}

/**
 * Puts the cursor on record behind a batch, in the batch's own transaction. To be called after the batch, whose lock on
 * the table keeps its file from changing any more.
 * @param from the range as it was before the batch
 * @param to the same as it is after it
 * @throws TableRewritten when the file is not the one the pass began with
 * @throws CursorMoved when the lane is not where the batch began
 */
export async function advance(
  client: PoolClient,
  { run, step, part }: Errand,
  table: TableName,
  from: Lane,
  to: Lane,
  filled: number,
): Promise<void> {
  const { rows } = await client.query<{ moved: boolean; same_file: boolean }>(
    `with moved as (
       update middlewatch.cursor set slice = $9, next_block = $10, rows_done = rows_done + $11
        where run = $1 and step = $2 and part = $3 and pass = $4 and lane = $5 and slice = $6 and next_block = $7
          and filenode = pg_relation_filenode(to_regclass($8))
       returning 1)
     select exists (select from moved) as moved,
            coalesce(filenode = pg_relation_filenode(to_regclass($8)), true) as same_file
       from (values (1)) one
       left join middlewatch.cursor on run = $1 and step = $2 and part = $3 and pass = $4 and lane = $5`,
    [run, step, part, from.pass, from.lane, from.slice, from.next, qualified(table), to.slice, to.next, filled],
  );
  if (rows[0]?.moved) return;
  throw rows[0]?.same_file ? new CursorMoved() : new TableRewritten();
}

/** How many ranges of these tables have not been gone through to their end, in the last pass over each. */
export async function unfinishedLanes(on: Queryable, run: string, step: string, parts: string[]): Promise<number> {
  const { rows } = await on.query<{ left: string }>(
    `select count(*) as left from middlewatch.cursor c
      where run = $1 and step = $2 and part = any ($3) and next_block < end_block
        and pass = (select max(pass) from middlewatch.cursor where run = c.run and step = c.step and part = c.part)`,
    [run, step, parts],
  );
  return Number(rows[0]?.left ?? 0);
}
