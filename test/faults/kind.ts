import type { Random } from '../simulation/random.ts';
import type { Lab } from './lab.ts';
import type { Place, Trial } from './trial.ts';

/** What came of one run on which faults were brought. */
export interface Outcome {
  /** What befell it, in words that bring it about again. */
  fault: string;
  /** Which of the kind's faults it was, where they are told apart. */
  sort?: string;
  /** Faults that really came about. */
  injected: number;
  /** Rows filled and steps done meanwhile: that work was really done. */
  rows: number;
  steps: number;
  /** What is not as it should be. */
  wrong: string[];
}

/** What a kind of fault needs. */
export interface Bench {
  lab: Lab;
  random: Random;
  /** Every fault there is, rather than some of them. */
  full: boolean;
}

/** A kind of fault: as many runs as `full` asks for, told as they end. */
export type Kind = (bench: Bench, onOutcome: (outcome: Outcome) => void) => Promise<void>;

/** Runs side by side: they wait as much as they compute. */
const SIDE_BY_SIDE = 3;

/** Does this with each of them, a few at a time. */
export async function each<T>(items: readonly T[], work: (item: T) => Promise<void>, width = SIDE_BY_SIDE) {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/**
 * One run from its opening to its end.
 * @param befall brings the fault about, whereupon the run is carried on with, and says how many there were
 * @param place where the trial is, and what of it is not as usual
 */
export async function tried(
  lab: Lab,
  fault: string,
  befall: (trial: Trial) => Promise<number>,
  place: Place = {},
): Promise<Outcome> {
  await using trial = await lab.trial(place);
  const injected = await befall(trial);
  await trial.carryOn();
  const wrong = await trial.wrong();
  const { filled } = await trial.traces();
  return { fault, injected, rows: filled, steps: await trial.stepsDone(), wrong };
}

/** Some of these, in their order, spread over all of them. */
export function some<T>(items: readonly T[], count: number, random: Random): T[] {
  const from = random.next();
  const every = items.length / count;
  return items.filter((_, i) => Math.floor((i + from * every) / every) !== Math.floor((i - 1 + from * every) / every));
}
