import type { Act } from '../run/performer.ts';

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
  #note = '';
  #sampledAt = performance.now();
  #sinceSample = 0;

  constructor(act: Act, tables: { name: string; done: number; total: number }[]) {
    this.#act = act;
    this.#parts = new Map(tables.map((table) => [table.name, { ...table, state: 'waiting' }]));
  }

  /** A word on why it goes as fast as it does. */
  note(text: string): void {
    this.#note = text;
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

  /** Takes a batch in: so many rows, in a batch of that many ms and blocks. */
  async took(name: string, rows: number, batch: { ms: number; blocks: number }): Promise<void> {
    const part = this.#part(name);
    part.done += rows;
    part.total = Math.max(part.total, part.done);
    this.#note = `${Math.round(batch.ms)} ms a batch of ${batch.blocks} blocks`;
    this.#sinceSample += rows;
    const now = performance.now();
    const ms = now - this.#sampledAt;
    this.#show();
    if (ms < SAMPLE_EVERY) return;
    const rowsPerSecond = Math.round((this.#sinceSample / ms) * 1_000);
    this.#sampledAt = now;
    this.#sinceSample = 0;
    await this.#act.sample({ rowsPerSecond, batchMs: Math.round(batch.ms), batchBlocks: batch.blocks });
  }

  #part(name: string): Part {
    const part = this.#parts.get(name);
    if (part === undefined) throw new Error(`${name} is not among the tables of this backfill.`);
    return part;
  }

  #show(): void {
    const parts = [...this.#parts.values()];
    this.#act.pulse({
      done: parts.reduce((sum, { done }) => sum + done, 0),
      total: parts.reduce((sum, { total }) => sum + total, 0),
      unit: 'rows',
      ...(this.#note === '' ? {} : { note: this.#note }),
      parts: parts.map((part) => ({ ...part })),
    });
  }
}
