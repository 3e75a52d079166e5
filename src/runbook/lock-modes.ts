/** The lock modes of tables, weakest first. Source: PostgreSQL's documentation, 13.3 Explicit Locking, in this order. */
export const LOCK_MODES = [
  'ACCESS SHARE',
  'ROW SHARE',
  'ROW EXCLUSIVE',
  'SHARE UPDATE EXCLUSIVE',
  'SHARE',
  'SHARE ROW EXCLUSIVE',
  'EXCLUSIVE',
  'ACCESS EXCLUSIVE',
] as const;
export type LockMode = (typeof LOCK_MODES)[number];

/** What others have to wait with while a mode is held: from the table of conflicts there. */
export const BLOCKS: Record<LockMode, string> = {
  'ACCESS SHARE': 'blocks no reads or writes',
  'ROW SHARE': 'blocks no reads, and writes only of rows it locks',
  'ROW EXCLUSIVE': 'blocks no reads, and writes only of rows it writes',
  'SHARE UPDATE EXCLUSIVE': 'blocks no reads or writes, only vacuum and other DDL',
  SHARE: 'blocks writes',
  'SHARE ROW EXCLUSIVE': 'blocks writes',
  EXCLUSIVE: 'blocks writes and row locks',
  'ACCESS EXCLUSIVE': 'blocks reads and writes',
};

/** Whether a mode makes the writes of an application wait. */
export const blocksWrites = (mode: LockMode): boolean => LOCK_MODES.indexOf(mode) >= LOCK_MODES.indexOf('SHARE');

/** A lock on a table, which may be told in words where the statement does not name it. Held until the transaction ends. */
export interface Lock {
  mode: LockMode;
  on: string;
}

/** Whether a table is told in words, not by its name. */
export const inWords = (on: string): boolean => /^(the|every|one) /.test(on);

/** Why a statement keeps its locks for longer than a moment, and what would not. */
export interface Long {
  /** Follows what it blocks: `while it reads the whole table`. */
  says: string;
  instead?: string;
}

/** What a statement is going to lock. `unknown`: it cannot be told from its text, and why not. */
export interface Announced {
  /** Like `ALTER TABLE … ADD COLUMN`. */
  statement: string;
  locks: Lock[];
  long?: Long;
  unknown?: string;
  /** It lets the statements after it wait for their locks for long, or for ever. */
  patient?: boolean;
  /** A table that is made by it: nobody waits for what nobody can see before it is committed. */
  makes?: string;
}

export const REWRITES: Long = { says: 'while it writes the whole table anew' };
export const READS: Long = { says: 'while it reads the whole table' };
export const BUILDS: Long = {
  says: 'while it builds the index',
  instead: 'an index step builds it CONCURRENTLY, which blocks nobody',
};
export const IN_PASSING: Long = { says: 'while it builds the index' };

/** The same lock on each of these. */
export const locked = (mode: LockMode, ...names: string[]): Lock[] => names.map((on) => ({ mode, on }));
