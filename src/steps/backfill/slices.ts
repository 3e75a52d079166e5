import type { Cut, Lane } from '../../postgres/cursor.ts';

/**
 * A full block has no room for a row that grows, so its new version goes elsewhere and needs new entries in every index.
 * Hence a table is filled slice after slice of each block's rows: what the first has moved out makes room, once it is
 * pruned, for the next slice's rows to stay in their block, which spares their index entries (HOT). One lane has all its
 * slices before the next is begun, while its blocks are still in memory and, since the last checkpoint, in the WAL.
 * @see https://www.postgresql.org/docs/current/storage-hot.html
 */
export interface Slicing {
  /** How many there are; the last takes all rows that the others have left. */
  slices: number;
}

/** Blocks (4 MB) below which a table is filled sooner than its slices would pay for their batches. */
const SLICED_FROM = 512;
/** Blocks (32 MB) of a lane at most, so that those of several workers fit into a server's default memory. */
const MOST = 4096;
/** Lanes that a table has at least, so that no worker waits long for the others at its end. */
const LANES = 8;
/**
 * Batches that a slice of a lane takes at least. What a batch has left can be pruned only when the other workers' batches
 * beside it have ended as well, the longer ones too: with two batches a slice, 22 to 31% of the rows of a benchmark left
 * their block; with four, 19 to 24%; with one worker, which waits for nobody, 20 to 21%.
 */
const BATCHES = 4;

/** How a pass over a table goes about it. The first of a large one is sliced; all others take what is left. */
export function cutOf(pass: number, blocks: number, batch: Slicing & { blocks: number }): Cut {
  const sliced = pass === 1 && blocks >= SLICED_FROM;
  return { lanes: LANES, fewest: BATCHES * batch.blocks, most: MOST, slice: sliced ? 0 : batch.slices - 1 };
}

/** How many blocks the next batch of a lane takes, when it should take so many. */
export function nextBlocks(lane: Lane, wanted: number): number {
  return Math.min(wanted, Math.ceil((lane.end - lane.start) / BATCHES), lane.end - lane.next);
}

/** A lane behind a batch of so many blocks. */
export function behind(lane: Lane, blocks: number, { slices }: Slicing): Lane {
  const next = lane.next + blocks;
  return next < lane.end || isLast(lane, slices)
    ? { ...lane, next }
    : { ...lane, slice: lane.slice + 1, next: lane.start };
}

/** Whether a lane still has slices before it. */
export const isSliced = (lane: Lane, { slices }: Slicing): boolean => !isLast(lane, slices);

const isLast = (lane: Lane, slices: number) => lane.slice >= slices - 1;
