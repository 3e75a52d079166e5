import type { Fate, Journal, Lease } from '../run/journal/journal.ts';

/** What is being written at once. */
interface Batch {
  fates: Map<string, Fate | null>;
  written: Promise<void>;
}

/**
 * Remembers, for each mail of a run, what became of it, so that whoever carries on writes to nobody twice. Kept with the
 * journal, under its lease, and known by Message-ID, so that no address of a user is stored in it.
 */
export class Deliveries {
  readonly #journal: Pick<Journal, 'putFates'>;
  readonly #lease: Lease;
  readonly #fates: Map<string, Fate>;
  /** The batch that is not being written yet, for the one before it is. */
  #next: Batch | null = null;
  #last: Promise<void> = Promise.resolve();

  private constructor(journal: Pick<Journal, 'putFates'>, lease: Lease, fates: Map<string, Fate>) {
    this.#journal = journal;
    this.#lease = lease;
    this.#fates = fates;
  }

  /** @throws LeaseLost, JournalFailed */
  static async open(journal: Journal, lease: Lease): Promise<Deliveries> {
    return new Deliveries(journal, lease, await journal.takeFates(lease));
  }

  /** What is known of this mail; undefined when it is still to be sent. */
  fate(messageId: string): Fate | undefined {
    return this.#fates.get(messageId);
  }

  /**
   * Durable when it returns: `begun` before the act, what came of it after; null when the mail certainly did not go out and
   * may be tried again. What several put while one is being written is written together, in that order.
   * @throws LeaseLost, JournalFailed
   */
  put(messageId: string, fate: Fate | null): Promise<void> {
    this.#next ??= this.#begin();
    this.#next.fates.set(messageId, fate);
    return this.#next.written;
  }

  #begin(): Batch {
    const fates: Batch['fates'] = new Map();
    const written = this.#last.then(async () => {
      this.#next = null;
      await this.#journal.putFates(this.#lease, fates);
      for (const [id, fate] of fates) {
        if (fate === null) this.#fates.delete(id);
        else this.#fates.set(id, fate);
      }
    });
    this.#last = written.catch(() => undefined);
    return { fates, written };
  }
}
