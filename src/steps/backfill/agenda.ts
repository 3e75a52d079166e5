/** Something to go through that comes in pieces, round after round, until a round leaves nothing to do. */
export interface Topic<Piece> {
  /** Begins it, or its next round. @returns the pieces, possibly none; undefined when it is done with */
  open(): Promise<Piece[] | undefined>;
}

/**
 * Work for several workers: one topic after another in their order, but whoever is free gets the next one's pieces while
 * others are still at the last pieces of one before. A topic's next round begins when all its pieces are through.
 */
export class Agenda<Piece> {
  readonly #unopened: Topic<Piece>[];
  readonly #ready: { topic: Topic<Piece>; piece: Piece }[] = [];
  /** Pieces of a topic that are not through yet. */
  readonly #left = new Map<Topic<Piece>, number>();
  #opening: Promise<void> | undefined;
  #turn = Promise.withResolvers<void>();
  #closed = false;

  constructor(topics: Topic<Piece>[]) {
    this.#unopened = [...topics];
  }

  /** The next piece; undefined when there will be none any more. Waits while others may still bring some up. */
  async take(): Promise<{ topic: Topic<Piece>; piece: Piece } | undefined> {
    for (;;) {
      if (this.#closed) return undefined;
      const ready = this.#ready.shift();
      if (ready !== undefined) return ready;
      if (this.#opening !== undefined) {
        await this.#opening;
        continue;
      }
      const next = this.#unopened.shift();
      if (next !== undefined) {
        // One at a time, so that all go at one topic together rather than each at one of their own.
        this.#opening = this.#bring(next).finally(() => {
          this.#opening = undefined;
        });
        await this.#opening;
      } else if (this.#left.size === 0) return undefined;
      else await this.#turn.promise;
    }
  }

  /** Puts a piece, or what is left of it, back for somebody else. */
  giveBack(topic: Topic<Piece>, piece: Piece): void {
    this.#ready.unshift({ topic, piece });
    this.#wake();
  }

  /** A piece is through. The last one of its round begins the next. */
  async through(topic: Topic<Piece>): Promise<void> {
    const left = (this.#left.get(topic) ?? 0) - 1;
    this.#left.set(topic, left);
    if (left <= 0) await this.#bring(topic);
  }

  /** The pieces of this topic that nobody is at are not worth doing any more. */
  drop(topic: Topic<Piece>): void {
    const kept = this.#ready.filter((each) => each.topic !== topic);
    this.#left.set(topic, (this.#left.get(topic) ?? 0) - (this.#ready.length - kept.length));
    this.#ready.splice(0, this.#ready.length, ...kept);
  }

  /** Nobody gets anything any more. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async #bring(topic: Topic<Piece>): Promise<void> {
    let pieces = await topic.open();
    while (pieces?.length === 0) pieces = await topic.open();
    if (pieces === undefined) this.#left.delete(topic);
    else {
      this.#left.set(topic, pieces.length);
      this.#ready.push(...pieces.map((piece) => ({ topic, piece })));
    }
    this.#wake();
  }

  #wake(): void {
    this.#turn.resolve();
    this.#turn = Promise.withResolvers();
  }
}
