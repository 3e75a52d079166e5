import { randomFrom } from '../simulation/random.ts';
import type { Bench, Kind, Outcome } from './kind.ts';
import { clocks } from './kinds/clocks.ts';
import { disks } from './kinds/disks.ts';
import { flagship } from './kinds/flagship.ts';
import { journals } from './kinds/journals.ts';
import { appends, moments } from './kinds/killed.ts';
import { connections } from './kinds/lost.ts';
import { servers } from './kinds/servers.ts';
import { simulation } from './kinds/simulation.ts';
import { suspended } from './kinds/suspended.ts';
import { terminals } from './kinds/terminals.ts';
import type { Lab } from './lab.ts';

/** Every kind of fault, by the name it is asked for; the flagship takes minutes. */
export const kinds = (seed: number, full: boolean): Record<string, Kind> => ({
  simulation: simulation(seed),
  appends,
  moments,
  connections,
  servers,
  suspended,
  journals,
  clocks,
  terminals,
  ...(full ? { flagship } : {}),
  // Only root can mount the small disk.
  ...(process.getuid?.() === 0 ? { disks } : {}),
});

/** What came of one kind of fault. */
export interface Summary {
  kind: string;
  runs: number;
  injected: number;
  /** The same by what they were, where that is told apart. */
  sorts: Record<string, number>;
  /** Runs to which the fault did not come, as when they had fewer commits than the one it was meant for. */
  spared: number;
  /** Of all runs. */
  rows: number;
  steps: number;
  seconds: number;
  wrong: { fault: string; what: string[] }[];
}

export interface Asked {
  kinds: string[];
  seed: number;
  full: boolean;
}

/** Told of each run, and of each kind, as it ends. */
export interface Told {
  onOutcome?(kind: string, outcome: Outcome): void;
  onSummary?(summary: Summary): void;
}

/** Brings the faults about, one kind after another. */
export async function bringAbout(
  lab: Lab,
  { kinds: names, seed, full }: Asked,
  { onOutcome, onSummary }: Told = {},
): Promise<Summary[]> {
  const bench: Bench = { lab, random: randomFrom(seed), full };
  const summaries: Summary[] = [];
  for (const name of names) {
    const counts = { runs: 0, injected: 0, spared: 0, rows: 0, steps: 0, seconds: 0 };
    const summary: Summary = { kind: name, ...counts, sorts: {}, wrong: [] };
    const began = performance.now();
    await kinds(seed, full)[name]?.(bench, (outcome) => {
      const { fault, sort, injected, rows, steps, wrong } = outcome;
      summary.runs += 1;
      summary.injected += injected;
      if (sort !== undefined) summary.sorts[sort] = (summary.sorts[sort] ?? 0) + injected;
      if (injected === 0) summary.spared += 1;
      summary.rows += rows;
      summary.steps += steps;
      if (wrong.length > 0) summary.wrong.push({ fault, what: wrong });
      onOutcome?.(name, outcome);
    });
    summary.seconds = Math.round((performance.now() - began) / 1_000);
    summaries.push(summary);
    onSummary?.(summary);
  }
  return summaries;
}

/** Whether faults came about, work was done in spite of them, and nothing went wrong. */
export const held = ({ injected, steps, wrong }: Summary) => injected > 0 && steps > 0 && wrong.length === 0;
