import { each, type Kind, tried } from '../kind.ts';

const HOUR = 3_600_000;

/** The clock on the wall is set, forwards and backwards, every few appends of a conductor. */
export const clocks: Kind = async ({ lab, random, full }, onOutcome) => {
  const plans = Array.from({ length: full ? 12 : 1 }, () => {
    const steps = Array.from({ length: random.between(1, 4) }, () => random.between(-3 * HOUR, 3 * HOUR));
    // Not before the window has begun: a run whose window is to open in an hour waits for it, and rightly so.
    return `clock ${random.between(4, 8)} ${steps.join(' ')}`;
  });
  await each(plans, async (fault) => {
    const outcome = await tried(lab, fault, async (trial) => {
      await trial.ended(trial.start(fault));
      const records = await trial.journal.read(0);
      return records.filter(({ at }, i) => i > 0 && Math.abs(at - (records[i - 1]?.at ?? at)) > 60_000).length;
    });
    onOutcome(outcome);
  });
};
