/** A batch grows by no more than this at a time: a table's next blocks may be fuller than its last (as GitLab does it). */
const GROWTH = 1.2;
/** Weight of the newest batch in the smoothed time a block takes. */
const NEWEST = 0.3;

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

  /** Learns from a batch of that many blocks that took so long. */
  learn(blocks: number, tookMs: number): void {
    const now = tookMs / blocks;
    this.#msPerBlock = this.#msPerBlock === undefined ? now : NEWEST * now + (1 - NEWEST) * this.#msPerBlock;
    const fitting = Math.floor(this.#targetMs / this.#msPerBlock);
    this.#blocks = Math.max(1, Math.min(fitting, Math.ceil(this.#blocks * GROWTH)));
  }
}

const LONGEST_REST = 10_000;

/**
 * How long to rest after a batch, in ms. At a gentle pace as long as it took, so that half of the time belongs to the
 * application; at full pace not at all. A speed of 2 doubles the share of work, one of ½ halves it. Never so long that one batch that had to wait for locks makes
 * the next come minutes later.
 */
export function restMs(tookMs: number, pace: 'gentle' | 'full', speed: number): number {
  const share = (pace === 'gentle' ? 0.5 : 1) * speed;
  return share >= 1 ? 0 : Math.min(LONGEST_REST, tookMs * (1 / share - 1));
}
