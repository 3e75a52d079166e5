import type { Act } from '../../run/performer.ts';

/** Between two samples for the report, in ms. */
const SAMPLE_EVERY = 2_000;

interface Part {
  name: string;
  done: number;
  total: number;
  state: 'waiting' | 'working' | 'done';
}

/** Counts what a backfill has filled, shows it as a pulse, and samples its rate for the report. */
export class Tally {
  readonly #act: Act;
  readonly #parts: Map<string, Part>;
  #workers = 0;
  #batch: { ms: number; blocks: number } | undefined;
  #paused = false;
  #why = '';
  #sampledAt = performance.now();
  #sinceSample = 0;

  constructor(act: Act, tables: { name: string; done: number; total: number }[]) {
    this.#act = act;
    this.#parts = new Map(tables.map((table) => [table.name, { ...table, state: 'waiting' }]));
  }

  /** How many workers there are to be. */
  staff(workers: number): void {
    if (workers === this.#workers) return;
    this.#workers = workers;
    this.#show();
  }

  pause(paused: boolean): void {
    this.#paused = paused;
    this.#show();
  }

  /** Why it goes slower than it is meant to; empty when it does not. */
  because(why: string): void {
    if (why === this.#why) return;
    this.#why = why;
    this.#show();
  }

  begins(name: string): void {
    this.#part(name).state = 'working';
    this.#show();
  }

  /** Rows that could not be filled are no work left: the table is done with what was done. */
  ends(name: string): void {
    const part = this.#part(name);
    part.state = 'done';
    part.total = part.done;
    this.#show();
  }

  /** Takes a batch in: so many rows, in a batch of that many ms and blocks, beside these signals. */
  async took(
    name: string,
    rows: number,
    batch: { ms: number; blocks: number },
    signals: Record<string, number>,
  ): Promise<void> {
    const part = this.#part(name);
    part.done += rows;
    part.total = Math.max(part.total, part.done);
    this.#batch = batch;
    this.#sinceSample += rows;
    const now = performance.now();
    const ms = now - this.#sampledAt;
    this.#show();
    if (ms < SAMPLE_EVERY) return;
    const rowsPerSecond = Math.round((this.#sinceSample / ms) * 1_000);
    this.#sampledAt = now;
    this.#sinceSample = 0;
    await this.#act.sample({ rowsPerSecond, batchMs: Math.round(batch.ms), batchBlocks: batch.blocks, ...signals });
  }

  #part(name: string): Part {
    const part = this.#parts.get(name);
    if (part === undefined) throw new Error(`${name} is not among the tables of this backfill.`);
    return part;
  }

  #note(): string {
    if (this.#paused) return 'paused';
    const workers = this.#workers === 1 ? '1 worker' : `${this.#workers} workers`;
    const batch = this.#batch;
    const size =
      batch === undefined
        ? []
        : [`${Math.round(batch.ms)} ms a batch of ${batch.blocks === 1 ? 'one block' : `${batch.blocks} blocks`}`];
    return [workers, ...size, ...(this.#why === '' ? [] : [this.#why])].join(' · ');
  }

  #show(): void {
    const parts = [...this.#parts.values()];
    this.#act.pulse({
      done: parts.reduce((sum, { done }) => sum + done, 0),
      total: parts.reduce((sum, { total }) => sum + total, 0),
      unit: 'rows',
      note: this.#note(),
      parts: parts.map((part) => ({ ...part })),
    });
  }
}
