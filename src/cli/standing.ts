import type { Journal } from '../run/journal/journal.ts';
import type { RunState } from '../run/state.ts';
import type { Runbook } from '../runbook/plan.ts';
import { lookOf } from '../ui/look.ts';
import { summary } from '../ui/summary.ts';

/**
 * How a run stands, in words: what `status` prints, and what stays on a terminal that has shown it. A conductor that has
 * ended, or is not heard of any more, conducts no more, whatever it put on record last.
 * @throws JournalFailed
 */
export async function standing(journal: Journal, runbook: Runbook, state: RunState): Promise<string> {
  const holder = await journal.holder();
  // One that has just begun is not on record yet; one that has just left may still hold the lease.
  const begun = holder !== null && holder.token > state.lastToken ? holder : null;
  const conductor = holder === null || holder.silent ? null : (state.conductor ?? begun);
  const pulses = await journal.pulses();
  const now = Date.now() + state.aheadMs;
  return `${summary({ runbook, state: { ...state, conductor }, journal, pulses, now }, lookOf(process.env))}\n`;
}
