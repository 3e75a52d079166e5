import { chmodSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';

/**
 * What became of one mail to one person. `begun` stays behind only when the process died at that very moment; it is
 * `unknown` from then on: perhaps delivered, so never sent again without a person saying so.
 */
export type Fate = 'begun' | 'reached' | 'refused' | 'unknown';

/**
 * Remembers, for each mail of a run, what became of it, so that carrying on writes to nobody twice. Kept in a file beside
 * the journal and known by Message-ID, so that no address of a user is stored in it.
 */
export class Deliveries {
  readonly #db: DatabaseSync;
  readonly #find: StatementSync;
  readonly #put: StatementSync;
  readonly #forget: StatementSync;

  /** @param path of the file, made when it is not there; `:memory:` keeps nothing */
  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    // Private to its owner, whatever the umask.
    if (path !== ':memory:') chmodSync(path, 0o600);
    this.#db.exec(`
      pragma journal_mode = wal;
      pragma synchronous = full;
      create table if not exists delivery (message_id text primary key, fate text not null) without rowid;
      update delivery set fate = 'unknown' where fate = 'begun';
    `);
    this.#find = this.#db.prepare('select fate from delivery where message_id = ?');
    this.#put = this.#db.prepare('insert or replace into delivery (message_id, fate) values (?, ?)');
    this.#forget = this.#db.prepare('delete from delivery where message_id = ?');
  }

  /** What is known of this mail; undefined when it is still to be sent. */
  fate(messageId: string): Fate | undefined {
    return this.#find.get(messageId)?.fate as Fate | undefined;
  }

  /** Durable when it returns: `begun` before the act, what came of it after. */
  put(messageId: string, fate: Fate): void {
    this.#put.run(messageId, fate);
  }

  /** The mail certainly did not go out: it may be tried again. */
  forget(messageId: string): void {
    this.#forget.run(messageId);
  }

  close(): void {
    this.#db.close();
  }
}
