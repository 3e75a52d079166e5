import pg from 'pg';
import type { Table } from './ask.ts';

/** An error of the database, in words a person can act on. `advice` says what to do next. */
export class DatabaseTrouble extends Error {
  readonly advice: string;
  /** SQLSTATE, when the server gave one. */
  readonly code: string | undefined;
  /** What stood in the way, as rows. */
  readonly table: Table | undefined;
  constructor(message: string, advice: string, options: ErrorOptions & { table?: Table } = {}) {
    super(message, options);
    this.name = new.target.name;
    this.advice = advice;
    this.code = sqlState(options.cause);
    this.table = options.table;
  }
}

/** The server cannot be reached, or does not let this role in. */
export class ConnectionFailed extends DatabaseTrouble {}

/** What is connected to must not be changed: a standby, a transaction pooler, another database than the run's. */
export class WrongTarget extends DatabaseTrouble {}

/** A standby answers: it takes no writes, at least until it is promoted. */
export class Standby extends WrongTarget {}

/** A later conductor has taken the run over: this one may commit nothing more. */
export class FenceLost extends DatabaseTrouble {}

/** A run of this name in another journal has worked on this database. */
export class OtherJournal extends DatabaseTrouble {}

/** Locks were not to be had in all the tries allowed. `table` shows who holds them. */
export class Blocked extends DatabaseTrouble {}

/** The connection broke while COMMIT was under way: only the ledger knows whether it happened. */
export class InDoubt extends DatabaseTrouble {}

/** Somebody ends our sessions, on a server that stands. `table` shows who may have been it. */
export class EndedOnPurpose extends DatabaseTrouble {}

/** A statement of a file failed; the message begins with `file:line`. */
export class StatementFailed extends DatabaseTrouble {}

/** SQLSTATE of an error that the server reported, also where it has been put into other words; else undefined. */
export function sqlState(error: unknown): string | undefined {
  if (error instanceof DatabaseTrouble) return error.code;
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/** SQLSTATEs of a transaction that met locks, a deadlock, or another that changed what it has read. */
const DISTURBED = new Set(['55P03', '40P01', '40001']);
/** Where the server gives up on a row of the catalog that somebody else has changed meanwhile, with an internal error. */
const CATALOG_CHANGED = new Set(['simple_heap_update', 'simple_heap_delete']);

/**
 * Whether the same transaction, done again, may well succeed. GRANT and REVOKE lock no table, and so meet a TRUNCATE of it
 * (or another GRANT) only in the catalog.
 */
export function worthRetry(error: unknown): boolean {
  const reported = error instanceof DatabaseTrouble ? error.cause : error;
  if (!(reported instanceof pg.DatabaseError)) return false;
  const { code = '', routine = '' } = reported;
  return DISTURBED.has(code) || (code === 'XX000' && CATALOG_CHANGED.has(routine));
}

const ADVICE: Record<string, string> = {
  '42501': 'The role may not do this. Connect as the role that owns the tables, then retry.',
  '57014': 'It took longer than the step allows, or was cancelled. Look at what the server was doing, then retry.',
  '53100': 'The disk of the server is full. Make room first.',
  '53300': 'The server has no connection left. Free some, then retry.',
  '25006': 'The server takes no writes. Make sure this is the primary.',
  '57P01':
    'An administrator ended the connection; nothing of this transaction was kept. Retry when the server is back.',
};

/** What to do about an error the server reported; undefined when the message has to speak for itself. */
export function adviceFor(code: string | undefined): string | undefined {
  return code === undefined ? undefined : ADVICE[code];
}

/** Errors of the operating system that mean the same. */
const BROKEN = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNREFUSED', 'ENETUNREACH', 'EHOSTUNREACH']);

/** Whether an error means that the connection is gone. */
export function connectionLost(error: unknown): boolean {
  const code = sqlState(error);
  if (code !== undefined) return code.startsWith('08') || code.startsWith('57P');
  if (!(error instanceof Error)) return false;
  if ('code' in error && BROKEN.has(String(error.code))) return true;
  // pg gives these no code.
  return /^(Connection terminated|Client has encountered a connection error)/.test(error.message);
}
