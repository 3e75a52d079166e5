import { LeaseLost } from '../run/journal/journal.ts';
import type { Act } from '../run/performer.ts';

/** The two ways in which an act is broken off. */
export interface Parting {
  /** What is at work is to be stopped. */
  stopped: AbortSignal;
  /** The run went to another conductor, which finds and follows what is at work: it is left to itself. */
  left: AbortSignal;
}

/** Tells the two apart, for what goes on outside any transaction. */
export function parting({ signal }: Act): Parting {
  const [stopped, left] = [new AbortController(), new AbortController()];
  const part = () => (signal.reason instanceof LeaseLost ? left : stopped).abort(signal.reason);
  if (signal.aborted) part();
  signal.addEventListener('abort', part, { once: true });
  return { stopped: stopped.signal, left: left.signal };
}
