/** A batch grows by no more than this at a time: a table's next blocks may be fuller than its last (as GitLab does it). */
const GROWTH = 1.2;
/** Weight of the newest batch in the smoothed time a block takes. */
const NEWEST = 0.3;

/**
 * How far away the server is: the quickest answer to a statement that has next to nothing to do, as BBR takes the least it
 * has seen for the delay of the path itself. What a batch spends on the way is neither work nor a reason for smaller ones.
 * @see https://queue.acm.org/detail.cfm?id=3022184
 */
export class RoundTrip {
  #ms = Number.POSITIVE_INFINITY;

  get ms(): number {
    return this.#ms;
  }

  see(ms: number): void {
    this.#ms = Math.min(this.#ms, ms);
  }

  /** What of a statement's time was the server's own, in ms; 0 where that cannot be told from the way. */
  without(ms: number): number {
    return Math.max(0, ms - this.#ms);
  }
}

/** How many blocks the next batch takes, so that it lasts about as long as it should. */
export class BatchSize {
  #blocks: number;
  #msPerBlock: number | undefined;
  readonly #targetMs: number;

  /** @param blocks to begin with */
  constructor(blocks: number, targetMs: number) {
    this.#blocks = blocks;
    this.#targetMs = targetMs;
  }

  get blocks(): number {
    return this.#blocks;
  }

  /** Learns from a batch of that many blocks. It is worth its round trips, however far away the server is. */
  learn(blocks: number, { workMs, tripMs }: { workMs: number; tripMs: number }): void {
    const now = workMs / blocks;
    this.#msPerBlock = this.#msPerBlock === undefined ? now : NEWEST * now + (1 - NEWEST) * this.#msPerBlock;
    const fitting = Math.floor(Math.max(this.#targetMs, tripMs) / this.#msPerBlock);
    this.#blocks = Math.max(1, Math.min(fitting, Math.ceil(this.#blocks * GROWTH)));
  }
}

const LONGEST_REST = 10_000;

/**
 * How long to rest after a batch, in ms. At a gentle pace as long as it was work, so that half of the time belongs to the
 * application; at full pace not at all. A speed of 2 doubles the share of work, one of ½ halves it. Never so long that one
 * batch that had to wait for locks makes the next come minutes later.
 */
export function restMs(workMs: number, pace: 'gentle' | 'full', speed: number): number {
  const share = (pace === 'gentle' ? 0.5 : 1) * speed;
  return share >= 1 ? 0 : Math.min(LONGEST_REST, workMs * (1 / share - 1));
}
