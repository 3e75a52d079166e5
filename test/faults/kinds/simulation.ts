import { PromiseBroken, simulate } from '../../simulation/simulate.ts';
import type { Kind } from '../kind.ts';

/** Simulated nights, from the seed on: see `test/simulation`. */
export const simulation =
  (seed: number): Kind =>
  async ({ full }, onOutcome) => {
    for (let nth = seed; nth < seed + (full ? 2_000 : 20); nth += 1) {
      try {
        const { befell, records } = await simulate(nth);
        const injected = Object.values(befell).reduce((sum, count) => sum + count, 0);
        const steps = records.filter(({ event }) => event.type === 'step-finished').length;
        onOutcome({ fault: `seed ${nth}`, injected, rows: 0, steps, wrong: [] });
      } catch (error) {
        if (!(error instanceof PromiseBroken)) throw error;
        onOutcome({ fault: `seed ${nth}`, injected: 1, rows: 0, steps: 0, wrong: [error.message] });
      }
    }
  };
